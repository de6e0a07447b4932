"""SQLite: one writer a file, write-ahead log, every commit on disk."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa

from farandole.messaging.database.engine import Database, Transaction
from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row

R = TypeVar("R", bound=Row)


class SqliteTransaction(Transaction):
    def select(self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False) -> list[R]:
        wanted = sorted(set(keys))
        if not wanted:
            return []
        sql = (
            f"SELECT {', '.join(relation.columns)} FROM {relation.name}"  # names are ours
            f" WHERE {by or relation.keys[0]} IN (SELECT value FROM json_each(?)) ORDER BY {', '.join(relation.keys)}"
        )
        return [relation.row(found) for found in self.connection.exec_driver_sql(sql, (json.dumps(wanted),))]

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self.connection.exec_driver_sql(_insert(relation), [relation.values(row) for row in rows])

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        sql = (
            f"UPDATE {relation.name} SET {', '.join(f'{column} = ?' for column in relation.rest)}"
            f" WHERE {' AND '.join(f'{key} = ?' for key in relation.keys)}"
        )
        order = (*relation.rest, *relation.keys)
        named = (dict(zip(relation.columns, relation.values(row), strict=True)) for row in rows)
        self.connection.exec_driver_sql(sql, [tuple(row[column] for column in order) for row in named])

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        self.connection.exec_driver_sql(
            f"{_insert(relation)} ON CONFLICT ({', '.join(relation.keys)}) DO UPDATE SET "
            + ", ".join(f"{column} = max({column}, excluded.{column})" for column in relation.rest),
            [relation.values(row) for row in rows],
        )

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        (key,) = relation.keys
        sql = f"DELETE FROM {relation.name} WHERE {key} IN (SELECT value FROM json_each(?))"
        self.connection.exec_driver_sql(sql, (json.dumps(list(keys)),))


class SqliteDatabase(Database):
    def __init__(self, url: sa.URL) -> None:
        if url.database and url.database != ":memory:":
            os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
        pool: dict[str, Any] = {} if url.database else {"poolclass": sa.StaticPool}
        engine = sa.create_engine(
            url, connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 10}, **pool
        )
        sa.event.listen(engine, "connect", _configure)
        super().__init__(engine)
        self._writer = threading.RLock()

    def _transaction(self, connection: sa.Connection) -> Transaction:
        return SqliteTransaction(connection)

    @contextmanager
    def _exclusively(self, *, write: bool) -> Iterator[None]:
        if not write:
            yield
            return
        with self._writer:
            yield

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Transaction]:
        with super()._begin(write=write) as transaction:
            transaction.connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
            yield transaction


def _insert(relation: Relation[Any]) -> str:
    marks = ", ".join("?" * len(relation.columns))
    return f"INSERT INTO {relation.name} ({', '.join(relation.columns)}) VALUES ({marks})"


def _configure(connection: sqlite3.Connection, _: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
