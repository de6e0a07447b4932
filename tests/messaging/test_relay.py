"""The relay publishes what is not yet published, its own at once and others' when they are left, and forgets nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from farandole.messaging import relay as relays
from farandole.messaging.database import Database, open_database
from farandole.messaging.kernel_tables import KERNEL, OutboxRow
from farandole.messaging.relay import Relay
from farandole.messaging.surroundings import Surroundings
from farandole.services.order.storage import METADATA
from tests.contract.dances import some_id
from tests.messaging.scripts import Clock, Script


@dataclass
class Office:
    """One process's relay over a real database and a scripted transport."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        around = Surroundings(self.clock, lambda: 0.5, instance="mine", elapsed=self.clock)
        self.relay = Relay(self.database, self.script.publisher("relay"), around)

    def write(self, *names: object, instance: str = "mine") -> list[OutboxRow]:
        """Rows as a transaction leaves them, ids in no order."""
        rows = [
            OutboxRow(str(name), instance, self.clock(), "order.placed", some_id(name), b"{}", [("ce_id", str(name))])
            for name in names
        ]
        with self.database.writing() as transaction:
            transaction.insert(KERNEL.outbox, rows)
        return rows

    def look(self, seconds: float = 1.1) -> None:
        self.clock.advance(seconds)
        self.relay.look()
        self.relay.settle()
        self.relay.tidy()

    def said(self) -> list[str]:
        return [dict(m.headers)["ce_id"].decode() for slip in self.script.published for m in slip.messages]

    def left(self) -> set[str]:
        with self.database.reading() as transaction:
            return {row.id for row in transaction.all(KERNEL.outbox)}


@pytest.fixture
def office() -> Iterator[Office]:
    database = open_database("sqlite://")
    METADATA.create_all(database.engine)
    yield Office(database)
    database.close()


def test_rows_are_found_however_late_they_come_and_whatever_their_ids(office: Office) -> None:
    for name in ("m", "z", "a", "n", "b"):
        office.write(name)
        office.look()
    assert sorted(office.said()) == ["a", "b", "m", "n", "z"]


def test_rows_leave_when_they_are_acknowledged_and_not_before(office: Office) -> None:
    office.relay.publish(office.write("a", "b"))
    office.look()
    assert (office.said(), office.left(), office.relay.backlog) == (["a", "b"], {"a", "b"}, 2)
    office.script.acknowledge()
    office.look()
    assert (office.said(), office.left(), office.relay.backlog) == (["a", "b"], set(), 0)


def test_rows_under_way_are_not_sent_again(office: Office) -> None:
    office.relay.publish(office.write("a"))
    for _ in range(20):
        office.look()
    assert office.said() == ["a"]


def test_an_acknowledgement_covers_only_its_own_rows(office: Office) -> None:
    office.relay.publish(office.write("a"))
    office.relay.publish(office.write("b"))
    office.script.published[1].done = True
    office.look()
    assert office.left() == {"a"}


def test_another_process_has_ten_seconds_for_its_rows(office: Office) -> None:
    office.write("theirs", instance="another")
    office.look()
    office.look(8)
    assert office.said() == []
    office.look(2)
    assert office.said() == ["theirs"]


def test_a_row_whose_writer_had_a_wrong_clock_is_found_all_the_same(office: Office) -> None:
    now = office.clock.now
    office.clock.now = now + 10**12
    office.write("from the future", instance="another")
    office.clock.now = now
    for _ in range(12):
        office.look()
    assert office.said() == ["from the future"]


def test_no_more_is_under_way_than_may_be_and_nothing_is_forgotten(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "WINDOW", 3)
    names = [str(number) for number in range(10)]
    office.write(*names)
    office.look()
    assert len(office.said()) == 3
    office.relay.publish(office.write("late"))
    office.look()
    assert len(office.said()) == 3
    assert office.relay.backlog >= 4
    for _ in range(10):
        office.script.acknowledge()
        office.look()
    assert sorted(office.said()) == sorted([*names, "late"])
    assert (office.left(), office.relay.backlog) == (set(), 0)
