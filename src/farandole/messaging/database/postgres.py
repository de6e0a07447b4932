"""PostgreSQL: new rows by COPY, changed rows as one JSON parameter, locks in key order."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.types.string import TextLoader

from farandole.messaging.database.engine import Database, Transaction
from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row

R = TypeVar("R", bound=Row)

_BOUNDS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=15000"
"""No transaction keeps another owner of the same orders waiting for long."""
_PLANS = "-c enable_seqscan=off -c jit=off"
"""A plan that was cached while a table was small must not read it from end to end for ever."""


class PostgresTransaction(Transaction):
    def select(self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False) -> list[R]:
        wanted = sorted(set(keys))
        if not wanted:
            return []
        column = by or relation.keys[0]
        sql = (
            f"SELECT {', '.join(relation.columns)} FROM {relation.name}"  # names are ours
            f" WHERE {column} = ANY(%s::{relation.sql_type(column)}[])"
            f" ORDER BY {', '.join(relation.keys)}{' FOR UPDATE' if lock else ''}"
        )
        return [relation.row(found) for found in self.connection.exec_driver_sql(sql, (wanted,))]

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        sql = f"COPY {relation.name} ({', '.join(relation.columns)}) FROM STDIN"
        try:
            with self._cursor() as cursor, cursor.copy(sql.encode()) as copy:
                for row in rows:
                    copy.write_row(relation.values(row))
        except psycopg.Error as error:
            raise sa.exc.DBAPIError.instance(
                sql, None, error, psycopg.Error, dialect=self.connection.dialect
            ) from error

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        sql = (
            f"UPDATE {relation.name} t SET {', '.join(f'{column} = v.{column}' for column in relation.rest)}"
            f" FROM json_populate_recordset(NULL::{relation.name}, %s::json) v"
            f" WHERE {' AND '.join(f't.{key} = v.{key}' for key in relation.keys)}"
        )
        self.connection.exec_driver_sql(sql, (_document(relation, rows),))

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        sql = (
            f"INSERT INTO {relation.name} AS t SELECT {', '.join(relation.columns)}"
            f" FROM json_populate_recordset(NULL::{relation.name}, %s::json)"
            f" ON CONFLICT ({', '.join(relation.keys)}) DO UPDATE SET "
            + ", ".join(f"{column} = greatest(t.{column}, excluded.{column})" for column in relation.rest)
        )
        self.connection.exec_driver_sql(sql, (_document(relation, rows),))

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        (key,) = relation.keys
        sql = f"DELETE FROM {relation.name} WHERE {key} = ANY(%s::{relation.sql_type(key)}[])"
        self.connection.exec_driver_sql(sql, (sorted(keys),))

    def _cursor(self) -> psycopg.Cursor[Any]:
        connection = self.connection.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        return connection.cursor()


class PostgresDatabase(Database):
    def __init__(self, url: sa.URL) -> None:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=4,
            max_overflow=16,
            pool_pre_ping=False,
            connect_args={"options": f"{_BOUNDS} {_PLANS}", "connect_timeout": 5},
        )
        sa.event.listen(engine, "connect", _configure)
        super().__init__(engine)

    def _transaction(self, connection: sa.Connection) -> Transaction:
        return PostgresTransaction(connection)


def _document(relation: Relation[Any], rows: Sequence[Row]) -> str:
    return json.dumps([dict(zip(relation.columns, relation.values(row), strict=True)) for row in rows], default=_hex)


def _hex(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _configure(connection: psycopg.Connection[Any], _: object) -> None:
    connection.adapters.register_loader("uuid", TextLoader)
