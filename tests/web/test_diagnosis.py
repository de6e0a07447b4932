"""The waiting orders are added up once a look, however many ask."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from farandole.messaging.database import Transaction
from farandole.messaging.failure import Transient
from farandole.messaging.transport import Partition
from farandole.monitor import waiting_sums
from farandole.monitor.handlers import HANDLERS
from farandole.monitor.storage import RELATIONS, WAITING, load
from farandole.monitor.waiting_rows import Waiting
from farandole.web.doctor.look import Observation
from farandole.web.doctor.routes import Doctor
from tests.support.desk_for_tests import NOON, DeskForTests, open_desk

T = TypeVar("T")
SECOND = 1_000_000
LOOK = Observation(NOON, NOON, {}, {}, None, None, lambda topic, key: Partition(topic, 0))


@dataclass
class Looks:
    """The last look, as the test has it."""

    last: Observation = LOOK
    late_after: int = SECOND

    async def seen(self) -> Observation:
        return self.last


@dataclass
class Away(DeskForTests):
    """A desk whose database may be away."""

    away: bool = False

    async def read(self, reader: Callable[[Transaction], T]) -> T:
        if self.away:
            raise Transient("the database is away")
        return await super().read(reader)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Away]:
    desk = open_desk("monitor", tmp_path, HANDLERS, RELATIONS, load)
    yield Away(desk.service, desk.database, desk.handlers, desk.relations, desk.load)
    desk.database.close()


def wait(desk: DeskForTests, number: int) -> None:
    row = Waiting(f"0190a0a0-0000-7000-8000-{number:012x}", NOON - 2 * SECOND, "payment", "order.validated", "USD", 100)
    with desk.database.writing() as transaction:
        transaction.insert(WAITING, [row])
        waiting_sums.change(transaction, (), [row])


def test_it_is_read_once_a_look_and_says_of_when_it_is(desk: Away) -> None:
    looks, asked = Looks(), []
    doctor = Doctor(desk, {}, looks)
    sa.event.listen(desk.database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    wait(desk, 1)
    first = asyncio.run(doctor.everything())
    read = [statement for statement in asked if statement.startswith("SELECT")]
    assert (first.late, first.looked_at) == (1, "2026-01-01T12:00:00.000000Z")
    assert read
    wait(desk, 2)
    assert asyncio.run(doctor.everything()) == first
    assert [statement for statement in asked if statement.startswith("SELECT")] == read
    looks.last = replace(LOOK, at=NOON + 2 * SECOND)
    second = asyncio.run(doctor.everything())
    assert (second.late, second.looked_at) == (2, "2026-01-01T12:00:02.000000Z")


def test_an_outage_is_not_remembered(desk: Away) -> None:
    doctor = Doctor(desk, {}, Looks())
    desk.away = True
    assert asyncio.run(doctor.everything()).late is None
    desk.away = False
    assert asyncio.run(doctor.everything()).late == 0
