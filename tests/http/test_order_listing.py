"""A page of orders costs the same however many are stored, whatever the filter, and following the pages finds them all."""

import sqlite3
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from farandole.contract import events
from farandole.http import paging
from farandole.services.order import listing
from farandole.services.order.api import routes
from farandole.services.order.domain import Order, Outcome
from farandole.services.order.listing import Wish
from farandole.services.order.storage import ORDERS, OUTCOMES
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import NOON, DeskForTests

FEW = 50
WISHES = (
    Wish(None, None, None),
    Wish("PENDING", None, None),
    Wish("COMPLETED", None, None),
    Wish("FAILED", None, None),
    Wish(None, "ada", None),
    Wish("PENDING", "ada", None),
    Wish("COMPLETED", "ada", None),
    Wish("FAILED", "ada", None),
    Wish("COMPLETED", "nobody", None),
    Wish(None, None, None, "nobody@example.com"),
    Wish("COMPLETED", "ada", None, "nobody@example.com"),
)


@pytest.fixture
def client(order_desk: DeskForTests, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(paging, "LOOKED_AT", FEW)
    return serve(routes(order_desk))


def order_id(number: int) -> str:
    return f"0190a0a0-0000-7000-8000-{number:012x}"


def store(desk: DeskForTests, numbers: range, *pending: int) -> None:
    """Orders of one customer, completed but for some."""
    customer, lines = events.Customer(id="ada"), (events.Line(sku="tea", quantity=1, unit_price="1.00"),)
    for number in numbers:
        key = order_id(number)
        desk.put(ORDERS, Order(key, "d", NOON, "ada", customer, "USD", 100, lines))
        if number not in pending:
            desk.put(OUTCOMES, Outcome(key, key, "d", NOON, "COMPLETED", None, None))


def pages(client: Client, **filters: str) -> Iterator[list[str]]:
    cursor: dict[str, str] = {}
    while True:
        found = client.get("/api/orders", params=filters | cursor).json()
        yield [order["id"] for order in found["items"]]
        if found["next_cursor"] is None:
            return
        cursor = {"cursor": found["next_cursor"]}


@pytest.mark.parametrize("who", [{}, {"customer_id": "ada"}])
def test_what_waits_is_found_by_going_on(client: Client, order_desk: DeskForTests, who: dict[str, str]) -> None:
    store(order_desk, range(130), 3, 70, 71, 129)
    found = list(pages(client, status="PENDING", **who))
    assert found == [[order_id(129)], [order_id(71), order_id(70)], [order_id(3)]]
    assert list(chain(*pages(client, status="PENDING", limit="1", **who))) == [order_id(n) for n in (129, 71, 70, 3)]


def test_an_outcome_of_a_customer_is_found_by_going_on(client: Client, order_desk: DeskForTests) -> None:
    store(order_desk, range(120), *range(20, 120))
    assert list(pages(client, status="COMPLETED", customer_id="ada")) == [
        [],
        [],
        [order_id(n) for n in range(19, -1, -1)],
    ]
    assert list(pages(client, status="COMPLETED", customer_id="nobody")) == [[]]


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.usefixtures("client")
def test_a_page_does_as_much_whatever_is_stored(order_desk: DeskForTests, wish: Wish) -> None:
    """Counted by SQLite itself: instructions of its machine."""
    store(order_desk, range(2 * FEW))
    before = instructions(order_desk, wish)
    store(order_desk, range(2 * FEW, 6 * FEW))
    assert instructions(order_desk, wish) <= before


def instructions(desk: DeskForTests, wish: Wish) -> int:
    done = [0]

    def count() -> int:
        done[0] += 1
        return 0

    with desk.database.reading() as transaction:
        file: Any = transaction.connection.connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        file.set_progress_handler(count, 1)
        listing.page(transaction, wish, 10)
        file.set_progress_handler(None, 1)
    return done[0]


@pytest.mark.parametrize("asked", ["ada_l@example.com", "ADA_L@Example.com"])
def test_orders_are_found_by_the_whole_address_of_their_customer(
    client: Client, order_desk: DeskForTests, asked: str
) -> None:
    others = ("adaxl@example.com", "bada_l@example.com", "ada_l@example.community", None)
    for number, email in enumerate((*others, "Ada_L@example.com", *others, "ada_l@example.com")):
        forged = 'c-1","email":"ada_l@example.com'
        customer, line = events.Customer(id=forged, email=email), events.Line(sku="tea", quantity=1, unit_price="1.00")
        key = order_id(number)
        order_desk.put(ORDERS, Order(key, "d", NOON, forged, customer, "USD", 100, (line,)))
    assert list(pages(client, email=asked)) == [[order_id(9), order_id(4)]]
    assert list(pages(client, email=asked, status="COMPLETED")) == [[]]
    assert list(pages(client, email="ada_l@example")) == [[]]
