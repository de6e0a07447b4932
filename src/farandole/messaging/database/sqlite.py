"""SQLite: one writer a file, write-ahead log, every commit on disk."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from farandole.messaging.database.engine import Database, Transaction
from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row

R = TypeVar("R", bound=Row)

_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000", "foreign_keys = ON")
_encode: Final = msgspec.json.Encoder().encode


class SqliteTransaction(Transaction):
    def __init__(self, connection: sa.Connection, file: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._file = file

    def settle(self) -> None:
        """Every statement is done when its call returns."""

    def ask(
        self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False
    ) -> Callable[[], list[R]]:
        wanted = set(keys)
        if not wanted:
            return list
        found = self._file.execute(_select(relation, by or relation.keys[0]), (_list(wanted),)).fetchall()
        return lambda: [relation.row(values) for values in found]

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._file.executemany(_insert(relation), map(relation.values, rows))

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        order = itemgetter(*map(relation.columns.index, (*relation.rest, *relation.keys)))
        self._file.executemany(_update(relation), map(order, map(relation.values, rows)))

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self._file.executemany(_advance(relation), map(relation.values, rows))

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        self._file.execute(_delete(relation), (_list(keys),))


class SqliteDatabase(Database):
    def __init__(self, url: sa.URL) -> None:
        if url.database and url.database != ":memory:":
            _create(url.database)
        pool: dict[str, Any] = {} if url.database else {"poolclass": sa.StaticPool}
        engine = sa.create_engine(
            url, connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 10}, **pool
        )
        sa.event.listen(engine, "connect", _configure)
        super().__init__(engine)
        self._writer = threading.RLock()

    @contextmanager
    def _transaction(self, connection: sa.Connection, *, write: bool) -> Iterator[Transaction]:
        file = connection.connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        try:
            file.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield SqliteTransaction(connection, file)
        except sqlite3.Error as error:
            base, dialect = sqlite3.Error, connection.dialect
            raise sa.exc.DBAPIError.instance("", None, error, base, dialect=dialect) from error

    @contextmanager
    def _exclusively(self, *, write: bool) -> Iterator[None]:
        if not write:
            yield
            return
        with self._writer:
            yield


def _create(path: str) -> None:
    """Make a file that only its user may read. One that is there already is left alone: closing any descriptor of a
    file drops this process's locks on it, and whoever looks at it then takes its log away."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@cache
def _select(relation: Relation[Any], column: str) -> str:  # names are ours
    return (
        f"SELECT {', '.join(relation.columns)} FROM {relation.name}"
        f" WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY {', '.join(relation.keys)}"
    )


@cache
def _insert(relation: Relation[Any]) -> str:
    marks = ", ".join("?" * len(relation.columns))
    return f"INSERT INTO {relation.name} ({', '.join(relation.columns)}) VALUES ({marks})"


@cache
def _update(relation: Relation[Any]) -> str:
    return (
        f"UPDATE {relation.name} SET {', '.join(f'{column} = ?' for column in relation.rest)}"
        f" WHERE {' AND '.join(f'{key} = ?' for key in relation.keys)}"
    )


@cache
def _advance(relation: Relation[Any]) -> str:
    greatest = (f"{column} = max({column}, excluded.{column})" for column in relation.rest)
    return f"{_insert(relation)} ON CONFLICT ({', '.join(relation.keys)}) DO UPDATE SET {', '.join(greatest)}"


@cache
def _delete(relation: Relation[Any]) -> str:
    (key,) = relation.keys
    return f"DELETE FROM {relation.name} WHERE {key} IN (SELECT value FROM json_each(?))"


def _list(keys: Iterable[str]) -> str:
    return _encode(keys).decode()


def _configure(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
