"""A migrated database is the one the code knows, on both kinds of database."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from farandole.messaging.database import open_database
from farandole.messaging.failure import Transient
from farandole.monitor.statistics_rows import BINS
from farandole.proof.ground.ports import free_port
from farandole.runtime.migrations import HEAD, ForeignDatabase, alembic_config, current, migrate, up_to_date
from tests.support.databases import PostgresDatabases

Fresh = Callable[[], str]
SERVICES = tuple(HEAD)


def metadata(service: str) -> sa.MetaData:
    package = "farandole.monitor" if service == "monitor" else f"farandole.services.{service}"
    found = importlib.import_module(f"{package}.storage").METADATA
    assert isinstance(found, sa.MetaData)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Gives URLs of empty databases."""
    if request.param == "sqlite":
        numbers = iter(range(100))
        return lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"
    postgres: PostgresDatabases = request.getfixturevalue("postgres")
    return postgres.database


def checks(url: str) -> Iterator[tuple[str, str]]:
    database = open_database(url)
    inspector = sa.inspect(database.engine)
    for table in inspector.get_table_names():
        for check in inspector.get_check_constraints(table):
            yield table, check["sqltext"]
    database.close()


def options(url: str) -> dict[str, object]:
    """How PostgreSQL stores each table, where it was told."""
    database = open_database(url)
    inspector = sa.inspect(database.engine)
    told = {table: inspector.get_table_options(table) for table in inspector.get_table_names()}
    database.close()
    return {table: said for table, said in told.items() if said}


@pytest.mark.parametrize("service", SERVICES)
def test_a_migrated_database_has_the_tables_the_code_knows(service: str, fresh: Fresh) -> None:
    migrated, created = fresh(), fresh()
    migrate(service, migrated)
    database = open_database(migrated)
    with database.engine.connect() as connection:
        compared = {"compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=compared), metadata(service))
    database.close()
    assert differences == []
    direct = open_database(created)
    with direct.engine.begin() as connection:
        metadata(service).create_all(connection)
    direct.close()
    assert sorted(checks(migrated)) == sorted(checks(created))
    assert options(migrated) == options(created)


def test_stock_below_zero_is_refused_by_the_migrated_table_itself(fresh: Fresh) -> None:
    url = fresh()
    migrate("inventory", url)
    assert len(list(checks(url))) == 2


@pytest.mark.parametrize("service", SERVICES)
def test_a_history_ends_at_its_head(service: str) -> None:
    assert ScriptDirectory.from_config(alembic_config(service)).get_heads() == [HEAD[service]]


@pytest.mark.parametrize("service", SERVICES)
def test_revisions_fit_the_version_table_and_name_their_service(service: str) -> None:
    for script in ScriptDirectory.from_config(alembic_config(service)).walk_revisions():
        assert script.revision.startswith(f"{service}_")
        assert len(script.revision) <= 32


def test_migrating_again_changes_nothing(fresh: Fresh) -> None:
    url = fresh()
    assert not up_to_date(url)
    assert migrate("payment", url) == f"payment: migrated from an empty database to {HEAD['payment']}"
    assert migrate("payment", url) == f"payment: nothing to do, the database is at {HEAD['payment']}"
    assert up_to_date(url)


def test_what_was_counted_before_is_in_the_wide_rows_too(fresh: Fresh) -> None:
    url, config = fresh(), alembic_config("monitor")
    bins = dict.fromkeys(BINS, 2)
    database = open_database(url)
    with database.writing() as transaction:
        config.attributes["connection"] = transaction.connection
        command.upgrade(config, "monitor_0006")
        rows = [{"since": since, "series": "a", "taken": 1, **bins} for since in (240, 350, 360)]
        transaction.connection.execute(sa.insert(metadata("monitor").tables["statistics"]), rows)
    migrate("monitor", url)
    wide = metadata("monitor").tables["statistics_wide"]
    with database.reading() as transaction:
        found = transaction.connection.execute(sa.select(wide).order_by(wide.c.since)).all()
    database.close()
    assert [tuple(row) for row in found] == [(240, "a", 2, *[4] * len(BINS)), (360, "a", 1, *[2] * len(BINS))]


def test_a_database_of_another_service_is_refused_and_untouched(fresh: Fresh) -> None:
    url = fresh()
    migrate("payment", url)
    with pytest.raises(ForeignDatabase, match=HEAD["payment"]):
        migrate("order", url)
    database = open_database(url)
    assert current(database) == HEAD["payment"]
    assert not sa.inspect(database.engine).has_table("orders")
    database.close()


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a service among order, inventory"):
        migrate("orders", f"sqlite:///{tmp_path}/a.db")


def test_a_database_that_is_away_is_an_outage_and_not_an_empty_database() -> None:
    with pytest.raises(Transient):
        up_to_date(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing")


def test_alembic_is_not_loaded_to_see_that_nothing_must_be_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    migrate("order", url)
    program = (
        "import sys; from farandole.runtime.migrations import migrate, up_to_date;"
        f"assert up_to_date({url!r}); migrate('order', {url!r}); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
