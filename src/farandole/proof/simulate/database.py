"""A service's database in memory: real SQL whose statements may fail, whose commits may be lost or only seem so."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from farandole.messaging.database import Database, Relation, Transaction, open_database
from farandole.messaging.decision import Row
from farandole.messaging.failure import Transient, Unfit
from farandole.messaging.kernel_tables import KERNEL, DeadLetter, OffsetRow
from farandole.messaging.transport import Partition
from farandole.proof.simulate.fate import Fault
from farandole.proof.simulate.process import Process
from farandole.runtime.wiring import MONITOR

R = TypeVar("R", bound=Row)
CHANGING: Final = frozenset({"stock", "deliveries", "dead_letters"})
"""Tables of the saga's services whose rows may be updated; every other row is written once. The monitor keeps figures."""


class Shelf:
    """One service's rows, which outlive its processes; `busy` while a transaction is open."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self.database = open_database("sqlite://")
        self._metadata = metadata
        metadata.create_all(self.database.engine)
        self.busy = False

    def empty(self) -> None:
        with self.database.writing() as transaction:
            for table in self._metadata.sorted_tables:
                transaction.connection.execute(table.delete())


class Broken(Exception):
    """The system did what it must never do."""


class SimTransaction(Transaction):
    """Each statement may fail; what may never be written is a violation at once."""

    def __init__(self, inner: Transaction, process: Process) -> None:
        super().__init__(inner.connection)
        self._inner, self._process = inner, process
        self.wrote: list[str] = []
        self.parked: list[DeadLetter] = []

    def settle(self) -> None:
        self._inner.settle()

    def ask(
        self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False
    ) -> Callable[[], list[R]]:
        self._statement(f"reading {relation.name}")
        return self._inner.ask(relation, keys, by=by, lock=lock)

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._statement(f"inserting {relation.name}")
        if any(map(self._process.refuses, rows)):
            self._process.seen("a row did not fit" if len(rows) == 1 else "a row did not fit among others that did")
            raise Unfit(f"the database refuses a row of {relation.name}")
        self._inner.insert(relation, rows)
        self.parked += (row for row in rows if isinstance(row, DeadLetter))
        self.wrote.append(f"{len(rows)} {relation.name}")

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._statement(f"updating {relation.name}")
        if self._keeps_history and relation.name not in CHANGING:
            raise Broken(f"{relation.name} is written once, but a row of it was updated")
        self._inner.update(relation, rows)
        self.wrote.append(f"{len(rows)} {relation.name} changed")

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._statement(f"advancing {relation.name}")
        self._process.acknowledged(
            {Partition(row.topic, row.partition): row.acked for row in rows if isinstance(row, OffsetRow)}
        )
        self._inner.advance(relation, rows)

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        self._statement(f"deleting {relation.name}")
        if relation is KERNEL.outbox:
            self._relayed(keys)
        elif self._keeps_history:
            raise Broken(f"rows of {relation.name} are never deleted, but one was")
        self._inner.delete(relation, keys)
        self.wrote.append(f"{len(keys)} outbox deleted")

    def _relayed(self, keys: Sequence[str]) -> None:
        if early := [key for key in keys if key not in self._process.broker.landed]:
            raise Broken(f"an outbox row was deleted before its event was durable: {early[0]}")
        if any(not row.instance.startswith(self._process.name) for row in self._inner.select(KERNEL.outbox, keys)):
            self._process.seen("a relay took over what another process had left")

    @property
    def _keeps_history(self) -> bool:
        return not self._process.name.startswith(MONITOR)

    def _statement(self, what: str) -> None:
        self._process.point(f"before {what}", Fault.STATEMENT)


class SimDatabase(Database):
    """One process's connection to its service's rows."""

    def __init__(self, shelf: Shelf, process: Process) -> None:
        super().__init__(shelf.database.engine)
        self._shelf, self._process = shelf, process

    def _transaction(self, connection: sa.Connection, *, write: bool) -> AbstractContextManager[Transaction]:
        return self._shelf.database._transaction(connection, write=write)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        self._process.point("before a reading transaction", Fault.STATEMENT)
        with self._holding(), self._shelf.database.reading() as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        self._process.point("before a transaction", Fault.STATEMENT)
        before = self._process.suffer("commit fails", Fault.ANSWER, 0.03)
        with self._holding(), self._shelf.database.writing() as transaction:
            watched = SimTransaction(transaction, self._process)
            yield watched
            self._process.point("before a commit")
            if before:
                self._process.seen("a commit failed that had not committed")
                self._process.tell("commit fails")
                raise Transient("the database is away")
        self._process.tell(f"commits {', '.join(watched.wrote) or 'nothing new'}")
        self._process.parked(watched.parked)
        with self._holding(), self._shelf.database.reading() as transaction:
            self._process.committed(transaction)
        if self._process.suffer("commit's answer is lost", Fault.ANSWER, 0.03):
            self._process.seen("a commit's answer was lost that had committed")
            self._process.tell("the commit's answer is lost")
            raise Transient("the connection was lost while committing")
        self._process.point("after a commit")

    @contextmanager
    def _holding(self) -> Iterator[None]:
        self._shelf.busy = True
        try:
            yield
        finally:
            self._shelf.busy = False

    def close(self) -> None:
        """The rows stay for other processes."""
