"""A SQLite file stays its process's own, whoever looks at it meanwhile."""

import subprocess
import sys
from pathlib import Path

import pytest

from farandole.messaging.database import open_database

ELSEWHERE = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]).fetchall(); c.commit(); c.close()"
)


def elsewhere(path: Path, statement: str) -> None:
    """Another process runs a statement and closes the file."""
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(path), statement], check=True, timeout=60)


@pytest.mark.parametrize("again", [False, True], ids=["opened once", "opened again, as a migration does"])
def test_another_process_that_looks_at_a_file_takes_nothing_away(tmp_path: Path, again: bool) -> None:
    path = tmp_path / "some.db"
    database = open_database(f"sqlite:///{path}")
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("CREATE TABLE words (word TEXT)")
    if again:
        open_database(f"sqlite:///{path}").close()
    elsewhere(path, "SELECT * FROM words")
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("INSERT INTO words VALUES ('ours')")
    elsewhere(path, "INSERT INTO words VALUES ('theirs')")
    with database.reading() as transaction:
        found = transaction.connection.exec_driver_sql("SELECT word FROM words ORDER BY word").scalars().all()
    database.close()
    assert found == ["ours", "theirs"]


def test_a_new_file_is_its_users_alone(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path / 'some.db'}").close()
    assert (tmp_path / "some.db").stat().st_mode & 0o777 == 0o600
