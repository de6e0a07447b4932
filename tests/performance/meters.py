"""What a service asks of its database, counted where it leaves the process, whatever library or mode carries it."""

import ctypes
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import psycopg
import pytest
import sqlalchemy as sa

from farandole.messaging.database import Database, open_database
from farandole.messaging.envelope import Record
from farandole.messaging.transport import Partition, Transport
from tests.behaviour.grounds import Ground
from tests.behaviour.house import House
from tests.support.databases import PostgresDatabases

_CONTROL = frozenset({"BEGIN", "COMMIT", "ROLLBACK"})
_TURNS = frozenset({"Query", "Sync", "Flush", "CopyDone"})


class Asked(NamedTuple):
    """The first word of each statement in order, without those that begin and end the transactions, which are counted;
    `trips` is how often the process waited for the server."""

    words: tuple[str, ...]
    transactions: int
    trips: int

    @property
    def statements(self) -> int:
        return len(self.words)


def _sorted(words: Iterable[str], trips: int = 0) -> Asked:
    said = tuple(words)
    return Asked(tuple(word for word in said if word not in _CONTROL), said.count("BEGIN"), trips)


class Meter(Protocol):
    """Counts on one database."""

    def asked(self) -> Asked:
        """What was asked since this was last called."""

    def close(self) -> None: ...


class SqliteMeter:
    """Counts calls of the driver; many rows in one `executemany` are one statement, and nobody travels."""

    def __init__(self, engine: sa.Engine) -> None:
        words = self._words = list[str]()

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, parameters: Any = (), /) -> Self:
                words.append(_first(sql))
                return super().execute(sql, parameters)

            def executemany(self, sql: str, seq_of_parameters: Iterable[Any], /) -> Self:
                words.append(_first(sql))
                return super().executemany(sql, seq_of_parameters)

            def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
                raise AssertionError("expected statements one by one, found a script")

        class Connection(sqlite3.Connection):  # whose own shortcuts would pass by the cursors above
            def cursor(self, factory: Any = Cursor) -> Any:
                return super().cursor(factory)

            def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
                return Cursor(self).execute(sql, parameters)

            def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
                return Cursor(self).executemany(sql, parameters)

            def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
                return Cursor(self).executescript(sql_script)

        def instead(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
            parameters["factory"] = Connection

        sa.event.listen(engine, "do_connect", instead)

    def asked(self) -> Asked:
        asked = _sorted(self._words)
        self._words.clear()
        return asked

    def close(self) -> None: ...


class PostgresMeter:
    """Counts messages of the protocol, as the client library traces them: what the server completed, and each wait for it."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        if sys.platform != "linux":
            pytest.skip("psycopg traces the protocol on Linux only")
        self._folder = folder
        self._descriptors: list[int] = []
        self._connections: list[psycopg.Connection[Any]] = []
        self._read: list[int] = []
        sa.event.listen(engine, "connect", self._trace)

    def _trace(self, connection: psycopg.Connection[Any], _: object) -> None:
        path = self._folder / f"{len(self._descriptors)}.trace"
        self._descriptors.append(os.open(path, os.O_CREAT | os.O_RDWR))
        self._connections.append(connection)
        self._read.append(0)
        connection.pgconn.trace(self._descriptors[-1])
        connection.pgconn.set_trace_flags(psycopg.pq.Trace.SUPPRESS_TIMESTAMPS)

    def asked(self) -> Asked:
        _flush()
        words, trips = list[str](), 0
        for number in range(len(self._descriptors)):
            before = ""
            for message, content in self._messages(number):
                if message == "CommandComplete":
                    words.append(content.strip(' "').split()[0])
                trips += message in _TURNS and before not in _TURNS
                before = message
        return _sorted(words, trips)

    def _messages(self, number: int) -> list[tuple[str, str]]:
        """The messages of one connection since the last look: `F` or `B`, length, name, content."""
        size = os.fstat(self._descriptors[number]).st_size
        text = os.pread(self._descriptors[number], size - self._read[number], self._read[number])
        self._read[number] = size
        parts = (line.split("\t", 3) for line in text.decode(errors="replace").splitlines())
        return [(part[2], "".join(part[3:])) for part in parts if len(part) > 2 and part[0] in ("F", "B")]

    def close(self) -> None:
        for connection in self._connections:
            if not connection.closed:
                connection.pgconn.untrace()
        _flush()  # what a stream still held would go to whoever is given its descriptor next
        for descriptor in self._descriptors:
            os.close(descriptor)


class Metered:
    """A ground with a meter on each database."""

    def __init__(self, ground: Ground, folder: Path, opened: Callable[[str], Database] | None = None) -> None:
        self.transport: Transport = ground.transport
        self.patience = ground.patience
        self.meters: dict[str, Meter] = {}
        self._ground, self._folder, self._opened = ground, folder, opened or ground.database

    def database(self, name: str) -> Database:
        database = self._opened(name)
        folder = self._folder / f"meter-{name}"
        folder.mkdir()
        postgres = database.engine.dialect.name == "postgresql"
        self.meters[name] = PostgresMeter(database.engine, folder) if postgres else SqliteMeter(database.engine)
        database.engine.dispose()  # what made the tables is connected already, unheard
        return database

    def ends(self) -> dict[Partition, int]:
        return self._ground.ends()

    def records(self, topic: str) -> list[Record]:
        return self._ground.records(topic)

    def recreate(self, topic: str) -> None:
        self._ground.recreate(topic)

    def close(self) -> None:
        self._ground.close()
        for meter in self.meters.values():
            meter.close()


def asked(house: House, name: str) -> Asked:
    """What a service asked of its database since this was last called for it."""
    assert isinstance(house.ground, Metered)
    return house.ground.meters[name].asked()


def on_postgres(databases: PostgresDatabases) -> Callable[[str], Database]:
    """Opens an empty PostgreSQL database with a service's tables."""
    return lambda name: open_database(databases.lend(name))


def _flush() -> None:
    """The library's stream holds back what came from the server since it last sent something."""
    ctypes.CDLL(None).fflush(None)


def _first(sql: str) -> str:
    return sql.split(maxsplit=1)[0].upper()
