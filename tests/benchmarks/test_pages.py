"""A store of copies obeys what a store of orders obeys, so that pages are measured on nothing that could not be."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from benchmarks import report
from benchmarks.addresses import Known, addresses
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.copying import DAY_MS, copies
from benchmarks.stores import Store
from farandole.messaging.database import open_database
from farandole.monitor.statistics import placed_at

ORDERS, TIMES, MORE = 20, 5, 2
COMPLETED = 16
ROW = {"first": 90.4, "least": 8.1, "median": 12.3, "worst": 34.4}


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, str]]:
    """Those of a system that completed, failed and rejected orders, and rests."""
    with FarandoleEmbedded() as farandole:
        farandole.play(ORDERS)
        farandole.rest()
        yield farandole.databases


def count(url: str, table: str, where: str = "TRUE") -> int:
    database = open_database(url)
    with database.reading() as transaction:
        counted = sa.select(sa.func.count()).select_from(sa.table(table)).where(sa.text(where))
        found = transaction.connection.scalar(counted)
    database.close()
    return int(found or 0)


def test_copies_of_a_store_keep_every_invariant_and_those_that_wait_break_only_that_they_ended(
    databases: dict[str, str],
) -> None:
    steps = count(databases["monitor"], "recorded")
    store = Store(databases)
    store.multiply(TIMES)
    assert store.violations() == []
    assert count(databases["order"], "orders") == ORDERS * TIMES
    assert count(databases["monitor"], "recorded") == steps * TIMES
    assert count(databases["monitor"], "recorded", "substr(event_id, 15, 1) = '8'") == steps * (TIMES - 1)
    late = store.delay(MORE)
    assert late == COMPLETED * MORE == count(databases["monitor"], "waiting")
    assert {one for one in store.violations() if not one.startswith("Q")} == set()
    assert f"Q1: {late}" in store.violations()
    store.park(ORDERS)
    assert count(databases["payment"], "dead_letters") == ORDERS


def test_copies_are_spread_over_a_day_and_all_of_them_differ() -> None:
    original = "01957f3e-5c00-7abc-8def-0123456789ab"
    made = list(copies([original], range(1, 1001)))
    now = placed_at(original) or 0
    assert [now - (placed_at(one.order_id) or 0) for one in made] == [one.earlier for one in made]
    assert made[-1].earlier == DAY_MS * 1000
    assert len({one.order_id for one in made}) == len({one.mark for one in made}) == len(made)


def test_every_address_has_a_name_of_its_own() -> None:
    names = [one.name for one in addresses(Known("an order", "an event", "c-1", "c@example.com", "a letter"))]
    assert len(set(names)) == len(names)


def test_the_table_of_pages_has_the_median_the_least_the_most_and_the_first_answer() -> None:
    grown = {"late": 10, "parked": 5, "well": {"/": ROW}, "waiting": {"/": ROW, "/dead-letters/{id}": ROW}}
    written = "\n".join(report.pages({"embedded, 100 orders": grown, "distributed": {"violations": ["A1: 3"]}}))
    assert "| `/` | 12 (8\N{EN DASH}34), 90 |" in written
    assert "embedded, 100 orders: 10 more waited, 5 records were parked." in written
    assert "No figure for distributed: A1: 3" in written
