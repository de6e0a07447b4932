"""A service starts only on tables its code knows; asking costs one statement, Alembic is loaded to change them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from farandole.messaging.database import Database, Transaction, open_database
from farandole.messaging.database.engine import sorted_errors

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "order": "order_0003",
        "inventory": "inventory_0004",
        "payment": "payment_0003",
        "notification": "notification_0003",
        "monitor": "monitor_0008",
    }
)
"""The newest revision of each service's history; a revision's name begins with its service."""

_SCRIPTS: Final = Path(__file__).parent.parent / "migrations"
_MIGRATING: Final = 0x466172616E646F6C
"""The PostgreSQL advisory lock under which one process at a time migrates a database."""


class ForeignDatabase(ValueError):
    """The database has another service's tables, or a newer version's."""


def current(database: Database | sa.Engine) -> str | None:
    """The revision of a database, None while it has none; raises Transient while it is away."""
    engine = database.engine if isinstance(database, Database) else database
    with sorted_errors(), engine.connect() as connection:
        return _revision(connection)


def up_to_date(url: str) -> bool:
    """Whether a database has the newest tables of its service."""
    database = open_database(url)
    try:
        return current(database) in HEAD.values()
    finally:
        database.close()


def migrate(service: str, url: str) -> str:
    """Bring one service's database to its newest tables, and say so in a line; repeating it changes nothing.

    Raises ValueError for an unknown service, ForeignDatabase for another's tables, Transient while it is away.
    """
    if service not in HEAD:
        raise ValueError(f"expected a service among {', '.join(HEAD)}, found {service!r}")
    database = open_database(url)
    try:
        before = current(database)
        if before == HEAD[service]:
            return f"{service}: nothing to do, the database is at {before}"
        with database.writing() as transaction:
            _alone(transaction.connection)
            _upgrade(service, transaction, current(database))
    finally:
        database.close()
    return f"{service}: migrated from {before or 'an empty database'} to {HEAD[service]}"


def alembic_config(service: str) -> "Config":
    """How Alembic finds one service's history."""
    from alembic.config import Config

    config = Config()
    for name, value in (
        ("script_location", _SCRIPTS),
        ("version_locations", _SCRIPTS / service),
        ("path_separator", "newline"),
    ):
        config.set_main_option(name, str(value).replace("%", "%%"))
    return config


def _upgrade(service: str, transaction: Transaction, before: str | None) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(service)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise ForeignDatabase(f"expected a database of {service} at one of {sorted(known)}, found {before}")
    config.attributes["connection"] = transaction.connection
    command.upgrade(config, "head")


def _alone(connection: sa.Connection) -> None:
    """Keep other migrations out until the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT set_config('statement_timeout', '0', true)"))
        connection.execute(sa.text("SELECT set_config('lock_timeout', '60s', true)"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})


def _revision(connection: sa.Connection) -> str | None:
    try:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "42P01" or "no such table" in str(error.orig):
            return None
        raise
    return None if found is None else str(found)
