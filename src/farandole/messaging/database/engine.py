"""One transaction is one batch; errors are sorted into what to do next."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa

from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row, Rows
from farandole.messaging.failure import Conflict, Transient, Unfit

R = TypeVar("R", bound=Row)


class Transaction(ABC):
    """Reads and writes of one batch."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> sa.Connection:
        """For statements of one's own; what was written before is written before them."""
        self.settle()
        return self._connection

    @abstractmethod
    def settle(self) -> None:
        """Wait until everything is written, and raise what it failed with; a commit does that anyway."""

    @abstractmethod
    def ask(
        self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False
    ) -> Callable[[], list[R]]:
        """As `select`, but the answer is waited for when it is called for; what is asked meanwhile travels along."""

    def select(self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False) -> list[R]:
        """Rows whose column `by` (default: the first key) is among `keys`, in key order; `lock` holds them until the end."""
        return self.ask(relation, keys, by=by, lock=lock)()

    @abstractmethod
    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        """Write new rows, given in key order; raises Conflict when a key exists."""

    @abstractmethod
    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        """Overwrite existing rows with one statement."""

    @abstractmethod
    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        """Write rows whose values only ever grow, given in key order: where a key exists, the greater value stays."""

    @abstractmethod
    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        """Remove the rows with these keys."""

    def fetch(self, relation: Relation[R], statement: sa.Select[Any]) -> list[R]:
        """Rows that a statement over the relation's columns selects."""
        return [relation.row(tuple(found)) for found in self.connection.execute(statement)]

    def all(self, relation: Relation[R]) -> list[R]:
        """Every row, in key order."""
        return self.fetch(relation, sa.select(relation.table).order_by(*relation.table.primary_key.columns))

    def save(self, relations: Sequence[Relation[Any]], rows: Rows) -> None:
        """Write what was decided: one statement a table for new rows, one for changed ones."""
        by_kind = {relation.kind: relation for relation in relations}
        for kind, new, changed in rows.changes():
            relation = by_kind.get(kind)
            if relation is None:
                continue
            if new:
                self.insert(relation, new)
            if changed:
                self.update(relation, changed)


class Database(ABC):
    """A service's own database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @abstractmethod
    def _transaction(self, connection: sa.Connection, *, write: bool) -> AbstractContextManager[Transaction]: ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write, committed at the end; raises Transient, Conflict or Unfit."""
        return self._begin(write=True)

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads."""
        return self._begin(write=False)

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Transaction]:
        lock = self._exclusively(write=write)
        with (
            sorted_errors(),
            lock,
            self.engine.connect() as connection,
            connection.begin(),
            self._transaction(connection, write=write) as transaction,
        ):
            yield transaction

    @contextmanager
    def _exclusively(self, *, write: bool) -> Iterator[None]:
        yield

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def sorted_errors() -> Iterator[None]:
    """A database's errors by what to do next; an unknown one counts as an outage, never as poison."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        if "unique" in str(error.orig).lower() or getattr(error.orig, "sqlstate", "") == "23505":
            raise Conflict(_line(error)) from error
        raise Unfit(_line(error)) from error
    except sa.exc.DataError as error:
        raise Unfit(_line(error)) from error
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") in ("40001", "40P01", "26000"):
            raise Conflict(_line(error)) from error
        raise Transient(_line(error)) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise Unfit(f"{type(error).__name__}: {error}") from error
    except sa.exc.SQLAlchemyError as error:
        raise Transient(str(error).splitlines()[0]) from error


def _line(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).splitlines()[0]


def open_database(url: str) -> Database:
    """The database behind a SQLAlchemy URL; nothing is connected yet."""
    from farandole.messaging.database.postgres import PostgresDatabase  # one driver a process
    from farandole.messaging.database.sqlite import SqliteDatabase

    kinds = {"sqlite": SqliteDatabase, "postgresql": PostgresDatabase}
    try:
        parsed = sa.make_url(url)
        kind = kinds[parsed.get_backend_name()]
    except (KeyError, sa.exc.ArgumentError):
        raise ValueError(
            f"expected a URL postgresql+psycopg://… or sqlite:///…, found {url.split(':', maxsplit=1)[0]!r}"
        ) from None
    return kind(parsed)
