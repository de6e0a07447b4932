"""A member of a group decides, commits, says, and only then moves its offsets: turn by turn, as a test has it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from farandole.contract import events
from farandole.messaging.consumer import WINDOW, Consumer
from farandole.messaging.database import open_database
from farandole.messaging.envelope import Record, Said, seal
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Partition
from farandole.services.payment.storage import METADATA, PAYMENTS
from tests.behaviour.faults import Away
from tests.contract.dances import ALL, NOON, some_id
from tests.messaging.scripts import Clock, Script

TOPIC = "order.validated"
LEFT, RIGHT = Partition(TOPIC, 0), Partition(TOPIC, 1)


def validated(name: object, offset: int, partition: int = 0) -> Record:
    """A record that asks for a payment."""
    event = events.OrderValidated(
        order_id=some_id(name), customer=events.Customer(id="ada"), currency="USD", amount="10.00"
    )
    message = seal(event, Said(some_id(f"validated {name}"), "inventory", NOON, some_id(f"placed {name}")))
    return Record(TOPIC, partition, offset, message.key.encode(), message.value, message.headers, NOON)


@dataclass
class Bench:
    """The payment service's consumer over a real database and a scripted transport."""

    database: Away
    clock: Clock = field(default_factory=Clock)
    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        around = Surroundings(self.clock, lambda: 0.5, elapsed=self.clock, rest=lambda seconds: None)
        self.consumer = Consumer(ALL["payment"], self.database, self.script, around)

    def turns(self, count: int = 1) -> None:
        for _ in range(count):
            self.consumer.turn(0)

    def hear(self, *records: Record) -> None:
        """One turn in which these are heard together."""
        self.script.heard.append(list(records))
        self.turns()

    def paid(self) -> set[str]:
        with self.database._inner.reading() as transaction:
            return {payment.order_id for payment in transaction.all(PAYMENTS)}

    def reached(self) -> dict[Partition, int]:
        """The offsets of the group after every commit so far."""
        reached: dict[Partition, int] = {}
        for committed in self.script.committed:
            reached |= committed
        return reached


@pytest.fixture
def bench() -> Iterator[Bench]:
    database = Away(open_database("sqlite://"))
    METADATA.create_all(database.engine)
    made = Bench(database)
    yield made
    database.close()


def test_offsets_move_when_the_answers_are_acknowledged_and_not_before(bench: Bench) -> None:
    bench.hear(validated("a", 0), validated("b", 1))
    bench.turns(3)
    assert bench.paid() == {some_id("a"), some_id("b")}
    assert bench.script.committed == []
    bench.script.acknowledge()
    bench.turns(2)
    assert bench.reached() == {LEFT: 2}


def test_an_acknowledgement_does_not_cover_what_was_heard_before_it(bench: Bench) -> None:
    bench.hear(validated("a", 0))
    bench.hear(validated("b", 1))
    bench.hear(validated("c", 0, partition=1))
    first, *later = bench.script.published
    for slip in later:
        slip.done = True
    bench.clock.advance(1)
    bench.turns(3)
    assert bench.script.committed == []
    first.done = True
    bench.turns(3)
    assert bench.reached() == {LEFT: 2, RIGHT: 1}


def test_nothing_moves_before_it_is_decided(bench: Bench) -> None:
    bench.turns()
    bench.database.away_for = 1
    bench.hear(validated("a", 0))
    assert (bench.paid(), bench.script.published, bench.script.committed) == (set(), [], [])
    bench.clock.advance(10)
    bench.turns()
    assert bench.paid() == {some_id("a")}


def test_a_record_that_a_batch_has_several_times_is_answered_once(bench: Bench) -> None:
    bench.hear(validated("a", 0), validated("a", 1), validated("b", 2), validated("a", 3))
    (slip,) = bench.script.published
    assert [message.key for message in slip.messages] == [some_id("a"), some_id("b")]


def test_no_more_is_decided_than_may_wait_for_acknowledgement(bench: Bench) -> None:
    for number in range(2 * WINDOW):
        bench.script.heard.append([validated(number, number)])
    bench.turns(3 * WINDOW)
    assert len(bench.script.published) == WINDOW
    bench.script.acknowledge()
    bench.turns(WINDOW)
    assert len(bench.script.published) > WINDOW


def test_who_waits_for_a_database_is_paused_and_stays_a_member(bench: Bench) -> None:
    bench.turns()
    bench.database.away_for = 2
    bench.hear(validated("a", 0))
    assert bench.script.paused
    before = bench.script.polls
    bench.turns(3)
    assert bench.script.polls > before
    bench.clock.advance(10)
    bench.turns()
    bench.clock.advance(10)
    bench.turns()
    assert bench.paid() == {some_id("a")}
    assert not bench.script.paused


def test_partitions_that_are_taken_away_are_forgotten(bench: Bench) -> None:
    """Their next owner decides what was not decided here."""
    bench.turns()
    bench.database.away_for = 1
    bench.hear(validated("a", 0), validated("b", 0, partition=1))
    bench.script.revoked(frozenset({LEFT}))
    bench.clock.advance(10)
    bench.turns()
    assert bench.paid() == {some_id("b")}
    bench.script.acknowledge()
    bench.turns(2)
    assert bench.reached() == {RIGHT: 1}


def test_offsets_of_partitions_that_were_taken_away_are_not_moved(bench: Bench) -> None:
    bench.hear(validated("a", 0), validated("b", 0, partition=1))
    bench.script.revoked(frozenset({LEFT}))
    bench.script.acknowledge()
    bench.turns(2)
    assert bench.reached() == {RIGHT: 1}


@pytest.mark.parametrize("goes", ["leaves", "loses its partitions"])
def test_who_goes_waits_for_acknowledgements_and_moves_its_offsets(bench: Bench, goes: str) -> None:
    bench.hear(validated("a", 0))
    bench.script.acknowledge_after = 3
    if goes == "leaves":
        bench.consumer.close(1)
        assert bench.script.closed
    else:
        bench.script.revoked(frozenset({LEFT, RIGHT}))
    assert bench.reached() == {LEFT: 1}
