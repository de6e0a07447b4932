"""PostgreSQL: statements prepared once that travel together, few rows as arrays, many by COPY, locks in key order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from select import POLLIN, POLLOUT, poll
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.types.string import TextLoader

from farandole.messaging.database import postgres_text as text
from farandole.messaging.database.engine import Database, Transaction
from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

R = TypeVar("R", bound=Row)

FEW: Final = 100
"""New rows up to which arrays cost less than COPY, which needs two trips of its own."""
_BOUNDS: Final = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=15000"
"""No transaction keeps another owner of the same orders waiting for long."""
_PLANS: Final = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off"
"""A plan that was made while a table was small must not read it from end to end for ever; none is made twice."""
_ALIVE: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that vanished without a word is an outage after half a minute."""
_DONE: Final = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_FORGOTTEN: Final = frozenset({"26000", "0A000"})
"""States in which prepared statements are not, or no longer, what they were: unknown, or made for other tables."""


class PostgresTransaction(Transaction):
    def __init__(self, connection: sa.Connection, wire: "_Wire") -> None:
        super().__init__(connection)
        self._wire = wire

    def settle(self) -> None:
        self._wire.settle()

    def ask(
        self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False
    ) -> Callable[[], list[R]]:
        wanted = set(keys)
        if not wanted:
            return list
        answer = self._wire.send(text.select(relation, by or relation.keys[0], lock), [text.array(wanted)])
        return lambda: [relation.row(found) for found in self._wire.rows(answer)]

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        if len(rows) <= FEW:
            self._wire.send(text.insert(relation), text.columns(relation, rows))
            return
        self._wire.settle()
        with self._wire.connection.cursor() as cursor, cursor.copy(text.copy(relation).encode()) as copy:
            for row in rows:
                copy.write_row(relation.values(row))

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._wire.send(text.update(relation), text.columns(relation, rows))

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._wire.send(text.advance(relation), text.columns(relation, rows))

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        self._wire.send(text.delete(relation), [text.array(keys)])


class PostgresDatabase(Database):
    def __init__(self, url: sa.URL) -> None:
        options = {"options": f"{_BOUNDS} {_PLANS}", "client_encoding": "utf8", "connect_timeout": 5}
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=4,
            max_overflow=16,
            pool_pre_ping=False,
            isolation_level="AUTOCOMMIT",  # who writes says BEGIN; who reads much is not idle in a transaction meanwhile
            connect_args=options | _ALIVE,
        )
        sa.event.listen(engine, "connect", _configure)
        super().__init__(engine)

    @contextmanager
    def _transaction(self, connection: sa.Connection, *, write: bool) -> Iterator[Transaction]:
        """What only reads needs no BEGIN: at READ COMMITTED each statement sees its own moment, inside a transaction or not."""
        wire = connection.connection.info[_Wire]
        try:
            if write:
                wire.send("BEGIN")
            yield PostgresTransaction(connection, wire)
            if write:
                wire.commit()
        except psycopg.Error as error:
            wire.abandon()
            base, dialect = psycopg.Error, connection.dialect
            raise sa.exc.DBAPIError.instance("", None, error, base, dialect=dialect) from error
        except BaseException:
            wire.abandon()
            raise


class _Answer:
    """What a statement led to, once somebody has waited for it; `prepares` names the statement that it made known."""

    __slots__ = ("prepares", "result")

    def __init__(self, prepares: str) -> None:
        self.prepares = prepares
        self.result: PGresult | None = None


class _Wire:
    """One connection's statements: sent without waiting, answered together. While an answer is due the connection is in
    libpq's pipeline mode, where nobody else may use it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._pg = connection.pgconn
        self._names: dict[str, bytes] = {}
        self._prepared = 0
        self._due: list[_Answer] = []
        self._transformer = Transformer(connection)
        self._readable, self._either = poll(), poll()
        self._readable.register(self._pg.socket, POLLIN)
        self._either.register(self._pg.socket, POLLIN | POLLOUT)

    def send(self, sql: str, parameters: Sequence[bytes] = ()) -> _Answer:
        """Have a statement run after those before it; what it fails with is raised to whoever waits next."""
        if not self._due:
            self._pg.enter_pipeline_mode()
        self._pg.send_query_prepared(self._names.get(sql) or self._prepare(sql), parameters)
        return self._expect("")

    def _prepare(self, sql: str) -> bytes:
        self._prepared += 1
        name = self._names[sql] = b"s%d" % self._prepared
        self._pg.send_prepare(name, sql.encode())
        self._expect(sql)
        return name

    def _expect(self, prepares: str) -> _Answer:
        answer = _Answer(prepares)
        self._due.append(answer)
        return answer

    def settle(self) -> None:
        """Wait for every answer; raises the first failure."""
        if not self._due:
            return
        self._pg.pipeline_sync()
        for answer, result in zip(self._due, list(self._results()), strict=True):
            answer.result = result
        answered, self._due = self._due, []
        self._pg.exit_pipeline_mode()
        failures = [answer for answer in answered if answer.result and answer.result.status not in _DONE]
        for failed in failures:
            self._names.pop(failed.prepares, None)
        if failures and failures[0].result:
            raise self._error(failures[0].result)

    def _results(self) -> "Iterator[PGresult]":
        """One a statement; other threads run while the server thinks."""
        while self._pg.flush():
            self._either.poll()
            self._pg.consume_input()
        while True:
            while self._pg.is_busy():
                self._readable.poll()
                self._pg.consume_input()
            result = self._pg.get_result()
            if result is None:
                self._expect_connection()
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return
            else:
                yield result

    def _expect_connection(self) -> None:
        if self._pg.status != ConnStatus.OK:
            raise psycopg.OperationalError(self._pg.get_error_message())

    def _error(self, failure: "PGresult") -> psycopg.Error:
        error = psycopg.errors.error_from_result(failure)
        if error.sqlstate in _FORGOTTEN:
            self._names.clear()
        return error

    def rows(self, answer: _Answer) -> list[tuple[Any, ...]]:
        """What a statement found."""
        if answer.result is None:
            self.settle()
        assert answer.result is not None
        self._transformer.set_pgresult(answer.result)
        found = self._transformer.load_rows(0, answer.result.ntuples, tuple)
        self._transformer.set_pgresult(None)  # or a large answer would be kept until the next one
        return found

    def commit(self) -> None:
        """Write and commit; raises psycopg.Error unless the server says that it did."""
        answer = self.send("COMMIT")
        self.settle()
        if answer.result is None or answer.result.command_status != b"COMMIT":
            raise psycopg.OperationalError("expected a transaction to commit, found one that had failed before")

    def abandon(self) -> None:
        """Undo what was done; a connection that is beyond that is closed."""
        try:
            with suppress(psycopg.Error):
                self.settle()
            if self._pg.transaction_status != TransactionStatus.IDLE:
                self.send("ROLLBACK")
                self.settle()
        except Exception:
            self.connection.close()


def _configure(connection: psycopg.Connection[Any], record: Any) -> None:
    connection.adapters.register_loader("uuid", TextLoader)
    record.info[_Wire] = _Wire(connection)
