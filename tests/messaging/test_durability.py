"""What a database is asked to promise: commits on disk, files of its owner alone, nobody held up for long."""

import os
import stat
from pathlib import Path

import pytest

from farandole.messaging.database import open_database
from tests.support.databases import PostgresDatabases

FULL = 2


def test_a_commit_of_sqlite_is_on_disk(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/kept.db")
    with database.writing() as transaction:
        assert transaction.connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == FULL
        assert transaction.connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.close()


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = open_database(f"sqlite:///{tmp_path}/kept.db")
        with database.writing() as transaction:
            transaction.connection.exec_driver_sql("CREATE TABLE kept (it TEXT)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "kept.db" in modes


@pytest.mark.parametrize("bound", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
def test_no_transaction_holds_up_another_for_long_on_postgresql(postgres: PostgresDatabases, bound: str) -> None:
    database = open_database(postgres.database())
    with database.writing() as transaction:
        query = f"SELECT setting::int FROM pg_settings WHERE name = '{bound}'"
        milliseconds = transaction.connection.exec_driver_sql(query).scalar_one()
    database.close()
    assert 0 < milliseconds <= 30_000
