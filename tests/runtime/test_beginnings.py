"""No order is overlooked, however far the clocks of two monitors are apart and however late a commit comes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farandole.messaging.database import Database, open_database
from farandole.messaging.decision import Decision
from farandole.messaging.failure import Transient
from farandole.monitor import waiting
from farandole.monitor.domain import Recorded
from farandole.monitor.storage import METADATA, RECORDED, WAITING, waiting_sums
from farandole.runtime.beginnings import Beginnings
from tests.web.dances import recorded

SECOND: Final = 1_000_000
LATE_AFTER: Final = 5 * SECOND
ENOUGH: Final = 200 * SECOND


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database("sqlite://")
    METADATA.create_all(database.engine)
    yield database
    database.close()


@cache
def first() -> Recorded:
    """The first step of some order."""
    return recorded("happy")[0]


@dataclass
class Monitor:
    """A process with a clock of its own, which hears of orders and looks for late ones as Watch does."""

    database: Database
    ahead: int
    beginnings: Beginnings = field(default_factory=Beginnings)
    under_way: list[Recorded] = field(default_factory=list)

    def hear(self, order_id: str, at: int) -> None:
        """Decide; nothing is committed yet."""
        named = {"order_id": order_id, "event_id": order_id, "recorded_at": at + self.ahead}
        self.under_way.append(msgspec.structs.replace(first(), **named))

    def commit(self) -> None:
        with self.database.writing() as transaction:
            transaction.insert(RECORDED, self.under_way)
        heard: Any = None
        self.beginnings.hear([(heard, Decision(row)) for row in self.under_way])
        self.under_way = []

    def look(self, at: int) -> None:
        self.beginnings.look(self.database)
        with self.database.writing() as transaction:
            waiting.sweep(transaction, at + self.ahead - LATE_AFTER)


def taken_up(database: Database) -> set[str]:
    with database.reading() as transaction:
        return {row.order_id for row in transaction.all(WAITING)}


def number(at: int) -> str:
    return f"0190a0a0-0000-7000-8000-{at:012x}"


@given(
    ahead=st.sampled_from([60 * SECOND, 3 * SECOND, -60 * SECOND]),
    steps=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["hear", "record", "commit", "look"]), st.sampled_from([0, 1, 6])),
        min_size=12,
        max_size=24,
    ),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_order_that_does_not_go_on_is_taken_up(
    database: Database, ahead: int, steps: list[tuple[int, str, int]]
) -> None:
    with database.writing() as transaction:
        for table in METADATA.sorted_tables:
            transaction.connection.execute(sa.delete(table))
    monitors, at, heard = (Monitor(database, 0), Monitor(database, ahead)), ENOUGH, set()
    for which, step, pause in [*steps, (0, "commit", 0), (1, "commit", 0)]:
        at += pause * SECOND + 1
        match step:
            case "look":
                monitors[which].look(at)
            case "commit":
                monitors[which].commit()
            case _:
                monitors[which].hear(number(at), at)
                heard.add(number(at))
                if step == "record":
                    monitors[which].commit()
    for monitor in monitors:
        monitor.look(at + ENOUGH)
    assert taken_up(database) == heard
    with database.reading() as transaction:
        assert sum(transaction.connection.scalars(sa.select(waiting_sums.c.orders))) == len(heard)


def test_what_cannot_be_looked_at_now_is_looked_at_the_next_time(database: Database) -> None:
    monitor, ahead = Monitor(database, 0), Monitor(database, 60 * SECOND)
    ahead.hear(number(1), ENOUGH)
    ahead.commit()
    ahead.look(ENOUGH + LATE_AFTER)
    monitor.hear(number(2), ENOUGH)
    monitor.commit()
    with database.writing() as transaction:
        transaction.connection.execute(sa.text("ALTER TABLE swept RENAME TO away"))
    with pytest.raises(Transient):
        monitor.look(ENOUGH)
    with database.writing() as transaction:
        transaction.connection.execute(sa.text("ALTER TABLE away RENAME TO swept"))
    monitor.look(ENOUGH)
    assert taken_up(database) == {number(1), number(2)}
