"""Fresh PostgreSQL databases for tests: empty, or copied from a template that is prepared once per test run."""

import uuid
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import psycopg
from psycopg import sql

from farandole.messaging.database import open_database
from farandole.proof.ground.postgres import create_database, libpq_url
from farandole.runtime.migrations import migrate
from farandole.runtime.wiring import STORAGES


class PostgresDatabases:
    """The databases of one test run; each call gives one that nobody else has. They go with their server."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._idle: dict[str, list[str]] = defaultdict(list)

    def database(self, template: str = "template1") -> str:
        """Returns the URL of a fresh copy of the template, by default an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        create_database(self._admin_url, name, template)
        return self._url(name)

    def lend(self, service: str) -> str:
        """Returns the URL of a database with a service's tables and no rows; a copy takes 0.2 s, one that was lent before none."""
        template, idle = f"tables_{service}", self._idle[service]
        return idle.pop() if idle else self.database(self.template(template, partial(_create_tables, service)))

    def give_back(self, service: str, url: str) -> None:
        """Takes back what was lent, and empties it."""
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            used = connection.execute(_used(connection)).fetchall()
            if used:  # to truncate what is empty costs as much
                connection.execute(
                    sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(sql.Identifier(n) for (n,) in used))
                )
            connection.execute("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
        self._idle[service].append(url)

    def migrated(self, service: str) -> str:
        """Returns the URL of a fresh database with the newest tables of a service."""
        return self.database(self.template(f"migrated_{service}", partial(migrate, service)))

    def template(self, name: str, prepare: Callable[[str], object]) -> str:
        """Has a template prepared by whichever worker comes first, and returns its name for `database`.

        `prepare` is given the URL of an empty database and leaves no connection to it open.
        """
        with psycopg.connect(libpq_url(self._admin_url), autocommit=True) as admin:
            admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
            if not admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
                self._prepare(admin, name, prepare)
        return name

    def _prepare(self, admin: psycopg.Connection, name: str, prepare: Callable[[str], object]) -> None:
        unfinished = f"{name}_{uuid.uuid4().hex[:8]}"
        create_database(self._admin_url, unfinished)
        prepare(self._url(unfinished))
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name))
        admin.execute(rename)

    def _url(self, database: str) -> str:
        server, _, _ = self._admin_url.rpartition("/")
        return f"{server}/{database}"


def _used(connection: psycopg.Connection) -> sql.Composed:
    """Asks which tables have rows."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    ask = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    return sql.SQL(" UNION ALL ").join(ask.format(sql.Literal(name), sql.Identifier(name)) for (name,) in found)


def _create_tables(service: str, url: str) -> None:
    database = open_database(url)
    STORAGES[service].METADATA.create_all(database.engine)
    database.close()
