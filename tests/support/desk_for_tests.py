"""A small real desk: one service over one real database, deciding each command in a transaction of its own."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from farandole.messaging import dead_letters
from farandole.messaging.database import Database, Relation, Transaction, open_database
from farandole.messaging.dead_letters import NOBODY, By
from farandole.messaging.decision import Decision, Handler, Row, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.kernel_tables import KERNEL, OPEN, DeadLetter
from farandole.messaging.preview import Preview
from farandole.messaging.service import Load

T = TypeVar("T")
NOON = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z, the time at which everything is decided."""


@dataclass
class DeskForTests:
    """A service's handlers and tables behind the Desk protocol; `then` is what is decided after a command for a key watched."""

    service: str
    database: Database
    handlers: Mapping[type[Event], Handler]
    relations: Sequence[Relation[Any]]
    load: Load
    overfull: bool = False
    stalled: str | None = None
    poisoned: bool = False
    then: Callable[[str], Decision] | None = None
    watched: dict[str, asyncio.Future[Decision]] = field(default_factory=dict)

    def now(self) -> int:
        return NOON

    async def read(self, reader: Callable[[Transaction], T]) -> T:
        def work() -> T:
            with self.database.reading() as transaction:
                return reader(transaction)

        return await asyncio.to_thread(work)

    async def command(self, heard: Heard[Any]) -> Decision:
        decision = await asyncio.to_thread(self.decide, heard)
        if self.then:
            for key, news in self.watched.items():
                news.set_result(await asyncio.to_thread(self.then, key))
        return decision

    def decide(self, heard: Heard[Any]) -> Decision:
        """Decide one event in a transaction."""
        with self.database.writing() as transaction:
            rows = self.load(transaction, [heard])
            decision = self.handlers[type(heard.event)](rows, heard)
            for row in (decision.guard, *decision.rows):
                assert isinstance(row, Row)
                rows.put(row)
            transaction.save(self.relations, rows)
        return decision

    def put(self, relation: Relation[Any], *rows: Row) -> None:
        """Write rows as they are."""
        decided = Rows()
        for row in rows:
            decided.put(row)
        with self.database.writing() as transaction:
            transaction.save([relation], decided)

    async def replay(self, dead_letter_id: str, by: By) -> str:
        def find(transaction: Transaction) -> list[DeadLetter]:
            return transaction.select(KERNEL.dead_letters, [dead_letter_id])

        found = await self.read(find)
        if not found:
            raise KeyError(dead_letter_id)
        if found[0].state != OPEN:
            raise Refused(f"this dead letter was {found[0].state.lower()} already")
        if self.poisoned:
            raise Poison("expected an order that was placed here")
        return "decided"

    async def preview(self, dead_letter_id: str) -> Preview:
        await self.replay(dead_letter_id, NOBODY)
        return Preview((), None)

    async def discard(self, dead_letter_id: str, by: By) -> None:
        await asyncio.to_thread(dead_letters.discard, self.service, self.database, dead_letter_id, NOON, by)

    @contextmanager
    def watching(self, key: str) -> Iterator[asyncio.Future[Decision]]:
        self.watched[key] = asyncio.get_running_loop().create_future()
        yield self.watched[key]
        del self.watched[key]

    def stall(self) -> str | None:
        return self.stalled


def open_desk(
    service: str,
    folder: Path,
    handlers: Mapping[type[Event], Handler],
    relations: Sequence[Relation[Any]],
    load: Load,
) -> DeskForTests:
    """A desk over a new SQLite file with the service's own schema; all relations share one metadata."""
    database = open_database(f"sqlite:///{folder / service}.db")
    metadata: sa.MetaData = relations[0].table.metadata
    metadata.create_all(database.engine)
    return DeskForTests(service, database, handlers, relations, load)
