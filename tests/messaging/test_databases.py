"""What both databases promise the kernel: values come back as they went, failures say what to do, one commit or nothing."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farandole.messaging.database import Database, Relation, Transaction, open_database
from farandole.messaging.database.relation import Id, Json, Micros
from farandole.messaging.decision import Row
from farandole.messaging.failure import Conflict, Transient, Unfit
from tests.support.databases import PostgresDatabases

METADATA = sa.MetaData()
MANY = 200
"""More rows than travel as arrays."""


class Colour(StrEnum):
    RED = "RED"


class Thing(Row, frozen=True):
    name: str
    owner: str | None
    size: int
    content: bytes | None
    tags: tuple[str, ...]
    new: bool
    id: str = "0199aaaa-0000-7000-8000-000000000001"


class Mark(Row, frozen=True):
    name: str
    at: int


THINGS = Relation(
    Thing,
    sa.Table(
        "things",
        METADATA,
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("size", sa.BigInteger, sa.CheckConstraint("size >= 0"), nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("tags", Json, nullable=False),
        sa.Column("new", sa.Boolean, nullable=False),
        sa.Column("id", Id, nullable=False),
    ),
)
MARKS = Relation(
    Mark,
    sa.Table("marks", METADATA, sa.Column("name", sa.String(40), primary_key=True), sa.Column("at", Micros)),
)

AWKWARD = [
    "", " ", "null", "NULL", "\\N", "\\.", "\\n", '"', "'", "\\", '\\"', ",", "{}", "{a,b}", "a,b", "(", "%s", "$1", "é", "😀",
    "\t", "\n", "\r", "\x0b", "\x01", "\x1f", "\x7f", "\x85", "\u2028", "a\\\tb", "\\\\n", "\\u0041", "\\x41",
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(AWKWARD), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
)
VALUES = st.builds(
    Thing,
    name=TEXT,
    owner=st.none() | TEXT,
    size=st.integers(0, 2**63 - 1),
    content=st.none() | st.binary(max_size=50),
    tags=st.lists(TEXT, max_size=3).map(tuple),
    new=st.booleans(),
)
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with a few tables."""
    opened = open_database(database_url)
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def postgresql(postgres: PostgresDatabases) -> Iterator[Database]:
    opened = open_database(postgres.database())
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


def thing(name: object, size: int = 1, **values: Any) -> Thing:
    given = {"owner": None, "content": None, "tags": (), "new": True} | values
    return Thing(name=str(name), size=size, **given)


def saved(database: Database, relation: Relation[Any] = THINGS) -> list[Any]:
    with database.reading() as transaction:
        return sorted(transaction.all(relation), key=lambda row: row.name)


def by_name(rows: Sequence[Thing]) -> list[Thing]:
    return sorted({row.name: row for row in rows}.values(), key=lambda row: row.name)


def write(database: Database, *changes: Callable[[Transaction], None]) -> None:
    """Make changes in one transaction."""
    with database.writing() as transaction:
        for change in changes:
            change(transaction)


def put(*rows: Thing) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.insert(THINGS, rows)


def mark(*marks: Mark) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.advance(MARKS, marks)


def ask(sql: str) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql(sql)

    return change


def numbered(count: int, **values: Any) -> list[Thing]:
    return [thing(f"{number:03}", **values) for number in range(count)]


def unfit(database: Database, *rows: Thing) -> None:
    """Rows that are refused, with everything that was written beside them."""
    with pytest.raises(Unfit):
        write(database, put(thing("other")), put(*rows))
    assert saved(database) == []


@EXAMPLES
@given(drawn=st.lists(VALUES, max_size=8), many=st.booleans())
def test_every_value_comes_back_as_it_went(database: Database, drawn: list[Thing], many: bool) -> None:
    rows = by_name([*drawn, *(thing(f"more {number}") for number in range(MANY if many else 0))])
    with database.writing() as transaction:
        transaction.delete(THINGS, [row.name for row in transaction.all(THINGS)])
        transaction.insert(THINGS, rows) if rows else None
    assert saved(database) == rows
    changed = [Thing(row.name, row.owner, 7, b"\x00\\", (*row.tags, "t"), not row.new) for row in rows]
    with database.writing() as transaction:
        transaction.update(THINGS, changed) if changed else None
        assert {row.name for row in transaction.select(THINGS, [row.name for row in rows])} == {r.name for r in rows}
    assert saved(database) == changed


@EXAMPLES
@given(names=st.lists(TEXT, max_size=8, unique=True), others=st.lists(TEXT, max_size=8))
def test_keys_find_what_they_name_and_nothing_else(database: Database, names: list[str], others: list[str]) -> None:
    with database.writing() as transaction:
        transaction.delete(THINGS, [row.name for row in transaction.all(THINGS)])
        transaction.insert(THINGS, [thing(name) for name in sorted(names)]) if names else None
        assert {row.name for row in transaction.select(THINGS, others)} == set(names) & set(others)
        transaction.delete(THINGS, others)
    assert {row.name for row in saved(database)} == set(names) - set(others)


def test_rows_are_found_in_key_order_each_once(database: Database) -> None:
    for name in "cab":
        write(database, put(thing(name, owner="o")))
    with database.writing() as transaction:
        assert [row.name for row in transaction.select(THINGS, iter("cabca"), lock=True)] == ["a", "b", "c"]
        assert [row.name for row in transaction.select(THINGS, ["o"], by="owner")] == ["a", "b", "c"]
        assert transaction.select(THINGS, []) == []


def test_what_is_asked_is_answered_as_it_was_when_asked(database: Database) -> None:
    with database.writing() as transaction:
        before = transaction.ask(THINGS, ["a"])
        transaction.insert(THINGS, [thing("a")])
        after, marks = transaction.ask(THINGS, ["a"]), transaction.ask(MARKS, ["a"])
        transaction.delete(THINGS, ["a"])
        assert (marks(), after(), before()) == ([], [thing("a")], [])


def test_a_kind_of_text_is_kept_as_text(database: Database) -> None:
    for count in (1, MANY):
        rows = numbered(count, owner=Colour.RED)
        with database.writing() as transaction:
            transaction.insert(THINGS, rows)
        assert {row.owner for row in saved(database)} == {"RED"}
        with database.writing() as transaction:
            transaction.delete(THINGS, [row.name for row in rows])


def test_what_advances_never_goes_back(database: Database) -> None:
    for marks in ([Mark("a", 5)], [Mark("a", 3), Mark("b", 1)], [Mark("a", 4), Mark("b", 2)]):
        write(database, mark(*marks))
    assert saved(database, MARKS) == [Mark("a", 5), Mark("b", 2)]


@pytest.mark.parametrize("count", [1, MANY])
def test_a_key_that_exists_is_a_conflict_and_nothing_is_written(database: Database, count: int) -> None:
    write(database, put(thing("000")))
    with pytest.raises(Conflict):
        write(database, mark(Mark("a", 1)), put(*numbered(count, size=2)), mark(Mark("b", 1)))
    assert (saved(database), saved(database, MARKS)) == ([thing("000")], [])


@pytest.mark.parametrize("count", [1, MANY])
def test_a_row_against_a_check_is_unfit(database: Database, count: int) -> None:
    unfit(database, *numbered(count, size=-1))


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize("size", [2**63, 2**64, 2**80])
def test_a_number_that_is_too_great_is_unfit(database: Database, count: int, size: int) -> None:
    unfit(database, *numbered(count, size=size))


@pytest.mark.parametrize("count", [1, MANY])
def test_a_lone_surrogate_is_unfit(database: Database, count: int) -> None:
    unfit(database, *numbered(count, owner="\ud800"))


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize("owner", ["\0", "a\0b", '"},\0'])
def test_a_zero_character_is_unfit_on_postgresql(postgresql: Database, owner: str, count: int) -> None:
    unfit(postgresql, *numbered(count, owner=owner))


@pytest.mark.parametrize("count", [1, MANY])
def test_a_text_that_is_too_long_is_unfit_on_postgresql_and_never_cut(postgresql: Database, count: int) -> None:
    unfit(postgresql, *(thing(f"{number:041}") for number in range(count)))
    with postgresql.writing() as transaction:
        transaction.insert(THINGS, [thing("x" * 40)])
        assert transaction.select(THINGS, ["x" * 41]) == []


def test_a_failure_of_the_code_undoes_what_was_written_and_keeps_its_name(database: Database) -> None:
    def fail(transaction: Transaction) -> None:
        raise KeyError

    for count in (1, MANY):
        with pytest.raises(KeyError):
            write(database, put(*numbered(count)), fail)
    write(database, put(thing("a")))
    assert saved(database) == [thing("a")]


def test_statements_of_ones_own_come_after_what_was_written_before(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(THINGS.table)
    with database.writing() as transaction:
        transaction.insert(THINGS, [thing("a")])
        assert transaction.connection.scalar(count) == 1
        transaction.connection.execute(sa.delete(THINGS.table))
        assert transaction.select(THINGS, ["a"]) == []
        transaction.insert(THINGS, [thing("b")])
    assert saved(database) == [thing("b")]


def test_a_failure_that_somebody_swallowed_does_not_commit_on_postgresql(postgresql: Database) -> None:
    def swallow(transaction: Transaction) -> None:
        with pytest.raises(sa.exc.DBAPIError):
            transaction.connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(Transient):
        write(postgresql, put(thing("a")), swallow)
    assert saved(postgresql) == []


def test_a_statement_that_the_server_forgot_is_made_known_again(postgresql: Database) -> None:
    write(postgresql, put(thing("a")))
    with postgresql.reading() as transaction:
        ask("DEALLOCATE ALL")(transaction)
    with pytest.raises(Conflict):
        write(postgresql, put(thing("b")))
    write(postgresql, put(thing("c")))
    assert [row.name for row in saved(postgresql)] == ["a", "c"]


def test_a_table_that_changed_is_read_on(postgresql: Database) -> None:
    def read() -> list[Thing]:
        with postgresql.reading() as transaction:
            return transaction.select(THINGS, ["a"])

    assert read() == []
    write(postgresql, ask("ALTER TABLE things ALTER owner TYPE VARCHAR(50)"))
    with pytest.raises(Transient):
        read()
    assert read() == []


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_server_that_ended_the_connection_is_an_outage_and_the_next_transaction_works(
    postgresql: Database, when: str
) -> None:
    with postgresql.reading() as transaction:
        (pid,) = transaction.connection.exec_driver_sql("SELECT pg_backend_pid()").one()
    other = open_database(postgresql.engine.url.render_as_string(hide_password=False))

    def end(transaction: Transaction) -> None:
        transaction.settle()
        with other.reading() as elsewhere:
            ask(f"SELECT pg_terminate_backend({pid}, 5000)")(elsewhere)

    changes = [put(thing("a")), put(thing("b"))]
    changes.insert(0 if when == "before" else 1, end)
    with pytest.raises(Transient):
        write(postgresql, *changes)
    write(postgresql, put(thing("c")))
    assert [row.name for row in saved(postgresql)] == ["c"]
    other.close()


def test_a_document_of_megabytes_travels_both_ways(database: Database) -> None:
    great = thing("great", content=bytes(range(256)) * 40_000, owner="é" * 2_000_000)
    write(database, put(great))
    with database.reading() as transaction:
        assert transaction.select(THINGS, ["great"]) == [great]


def test_who_reads_long_is_not_idle_in_a_transaction(postgresql: Database) -> None:
    """A server ends those sessions, in the midst of what computes over many rows."""
    with postgresql.reading() as reading, postgresql.reading() as looking:
        reading.all(THINGS)
        states = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert set(looking.connection.exec_driver_sql(states).scalars()) == {"idle"}
