"""The relay publishes what no record caused: outbox rows, removed only after their publication is acknowledged."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from farandole.messaging.database import Database, Transaction
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Transient
from farandole.messaging.kernel_tables import KERNEL, OutboxRow
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Publisher, Receipt

ORPHANED_AFTER: Final = 10_000_000
"""Microseconds after which another instance's row is published by whoever finds it."""
LOOK_EVERY: Final = 1_000_000
"""Microseconds between two looks for rows left behind."""
WINDOW: Final = 5_000
"""Outbox rows under way at most."""


def outbox_row(message: Message, instance: str, now: int) -> OutboxRow:
    """The row that keeps a message until it is published."""
    headers = [(name, value.decode()) for name, value in message.headers]
    return OutboxRow(_id(message), instance, now, message.topic, message.key, message.value, headers)


def _id(message: Message) -> str:
    return dict(message.headers)["ce_id"].decode()


def message_of(row: OutboxRow) -> Message:
    return Message(row.topic, row.subject, row.value, tuple((name, value.encode()) for name, value in row.headers))


class _UnderWay(NamedTuple):
    ids: tuple[str, ...]
    receipt: Receipt


class Relay:
    """Publishes what its own instance wrote, and what others left behind."""

    def __init__(self, database: Database, publisher: Publisher, around: Surroundings) -> None:
        self._database, self._publisher, self._around = database, publisher, around
        self._under_way: deque[_UnderWay] = deque()
        self._in_flight: set[str] = set()
        self._acknowledged: list[str] = []
        self._strangers: dict[str, int] = {}
        self._left_behind = 0
        self._look_at = 0
        table = KERNEL.outbox.table
        self._mine_first = (
            sa.select(table).order_by(table.c.instance != around.instance, table.c.written_at).limit(WINDOW + 1)
        )

    @property
    def backlog(self) -> int:
        """Outbox rows known here and not yet acknowledged."""
        return len(self._in_flight) + self._left_behind

    @property
    def busy(self) -> bool:
        return bool(self._under_way or self._acknowledged)

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        """Send committed rows; what cannot be sent now is found again by `look`."""
        if len(self._in_flight) >= WINDOW:
            self._left_behind += len(rows)
            return
        try:
            self._send(rows)
        except Transient:
            self._left_behind += len(rows)
            self.look_soon()

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        receipt = self._publisher.publish([message_of(row) for row in rows])
        self._in_flight.update(row.id for row in rows)
        self._under_way.append(_UnderWay(tuple(row.id for row in rows), receipt))

    def settle(self, patience: float = 0) -> None:
        """Heed acknowledgements."""
        self._publisher.poll(patience)
        for done in [batch for batch in self._under_way if batch.receipt.done]:
            self._under_way.remove(done)
            self._acknowledged.extend(done.ids)

    def sweep(self, transaction: Transaction) -> Iterable[str]:
        """Remove acknowledged rows within a transaction; give the result to `swept` after its commit."""
        ids = tuple(self._acknowledged)
        if ids:
            transaction.delete(KERNEL.outbox, ids)
        return ids

    def swept(self, ids: Iterable[str]) -> None:
        gone = set(ids)
        self._acknowledged = [kept for kept in self._acknowledged if kept not in gone]
        self._in_flight -= gone

    def tidy(self) -> None:
        """Remove acknowledged rows in a transaction of its own."""
        if not self._acknowledged:
            return
        with self._database.writing() as transaction:
            ids = self.sweep(transaction)
        self.swept(ids)

    def look_soon(self) -> None:
        """Look for rows at the next turn: something was written that was not handed over."""
        self._look_at = 0

    def look(self) -> None:
        """Publish rows of this instance that are not under way, and others' orphans; not yet published, never by id."""
        now = self._around.elapsed()
        room = WINDOW - len(self._in_flight)
        if now < self._look_at or room <= 0:
            return
        me = self._around.instance
        with self._database.reading() as transaction:
            found = transaction.fetch(KERNEL.outbox, self._mine_first)
        self._strangers = {row.id: self._strangers.get(row.id, now) for row in found if row.instance != me}
        orphans = self._orphans(found, now)
        waiting = [row for row in found if row.id not in self._in_flight and (row.instance == me or row.id in orphans)]
        self._look_at = now + LOOK_EVERY
        self._left_behind = max(0, len(waiting) - room)
        if waiting[:room]:
            self._send(waiting[:room])

    def _orphans(self, found: Iterable[OutboxRow], now: int) -> set[str]:
        """Others' rows that are old, or (a clock may be wrong) were seen here for as long."""
        old = self._around.clock() - ORPHANED_AFTER
        aged = (
            row for row in found if row.written_at < old or now - self._strangers.get(row.id, now) >= ORPHANED_AFTER
        )
        return {row.id for row in aged}
