"""Orders, payments, notifications and stock: following the pages finds all that fit, and a page does as much whatever is stored."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from farandole.contract import events
from farandole.http import paging
from farandole.http.routes import Route
from farandole.messaging.database import Relation, open_database
from farandole.messaging.decision import Row, Rows
from farandole.services.inventory.api import routes as stock_routes
from farandole.services.inventory.domain import Stock
from farandole.services.inventory.storage import STOCK
from farandole.services.notification.api import routes as notification_routes
from farandole.services.notification.domain import Delivery, Message
from farandole.services.notification.storage import DELIVERIES, MESSAGES
from farandole.services.order.api import routes as order_routes
from farandole.services.order.domain import Order, Outcome
from farandole.services.order.storage import ORDERS, OUTCOMES
from farandole.services.payment.api import routes as payment_routes
from farandole.services.payment.domain import Payment
from farandole.services.payment.storage import PAYMENTS
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import NOON, DeskForTests

FEW = 50
MORE = 1.05
"""A tree of rows may be a level deeper."""
PAGE = 7
ADA = events.Customer(id="ada")
Stored = Iterator[tuple[Relation[Any], Row]]


class List(NamedTuple):
    """A list, what the number of a thing makes of it, and what a filter lets through."""

    path: str
    routes: Callable[[DeskForTests], Sequence[Route]]
    make: Callable[[int], Stored]
    key: Callable[[dict[str, Any]], str]
    name: Callable[[int], str]
    filters: dict[str, Callable[[int], bool]]
    newest_first: bool = True


def uuid(number: int, kind: int = 7) -> str:
    return f"0190a0a0-0000-{kind}000-8000-{number:012x}"


def order(number: int) -> Stored:
    """One in sixty waits, and one customer's address is written in letters that a database may not know."""
    who = events.Customer(id="ada", email="JÖRG@example.com" if number == 41 else None)
    line = events.Line(sku="tea", quantity=1, unit_price="1.00")
    yield ORDERS, Order(uuid(number), "d", NOON, who.id, who, "USD", 100, (line,))
    if number % 60 != 3:
        yield OUTCOMES, Outcome(uuid(number), uuid(number, 5), "d", NOON, "COMPLETED", None, None)


def payment(number: int) -> Stored:
    failed = number % 60 == 3
    reason = ("limit_exceeded", "too much") if failed else (None, None)
    step = (uuid(number), uuid(number, 5), "d", NOON)
    yield PAYMENTS, Payment(*step, "FAILED" if failed else "COMPLETED", "USD", 100, ADA, *reason)


def notification(number: int) -> Stored:
    """Two to an order, of which some wait and one could not leave."""
    who = "JÖRG" if number == 6 else f"C-{number}"
    channel, to = ("sms", "+14155550123") if number % 2 else ("email", f"{who}@example.com")
    key = uuid(number, 5)
    yield MESSAGES, Message(key, uuid(number // 2), "completed", channel, to, "Thanks", "Thanks.", NOON)
    if number % 50 == 5:
        yield DELIVERIES, Delivery(key, NOON, 1, number % 100 == 5, "away")


def shelf(number: int) -> Stored:
    yield STOCK, Stock(f"sku-{number:04}", 0 if number % 70 == 9 else 100 + number, 1)


def named(number: int) -> str:
    return f"{uuid(number // 2)} {'sms' if number % 2 else 'email'}"


LISTS = {
    "orders": List(
        "/api/orders",
        order_routes,
        order,
        lambda item: str(item["id"]),
        uuid,
        {"": lambda n: True, "status=PENDING": lambda n: n % 60 == 3, "email=JÖRG@example.com": lambda n: n == 41},
    ),
    "payments": List(
        "/api/payments",
        payment_routes,
        payment,
        lambda item: str(item["order_id"]),
        uuid,
        {"": lambda n: True, "status=FAILED": lambda n: n % 60 == 3, "status=COMPLETED": lambda n: n % 60 != 3},
    ),
    "notifications": List(
        "/api/notifications",
        notification_routes,
        notification,
        lambda item: f"{item['order_id']} {item['channel']}",
        named,
        {
            "": lambda n: True,
            "status=PENDING": lambda n: n % 100 == 55,
            "status=FAILED": lambda n: n % 100 == 5,
            "status=SENT": lambda n: n % 50 != 5,
            "channel=sms": lambda n: n % 2 == 1,
            "to=c-4@EXAMPLE.com": lambda n: n == 4,
            "to=JÖRG@example.com": lambda n: n == 6,
            "status=FAILED&channel=email": lambda n: False,
            f"order_id={uuid(20)}": lambda n: n // 2 == 20,
            f"order_id={uuid(20)}&channel=email": lambda n: n == 40,
        },
    ),
    "stock": List(
        "/api/stock",
        stock_routes,
        shelf,
        lambda item: str(item["sku"]),
        lambda n: f"sku-{n:04}",
        {"": lambda n: True, "below=1": lambda n: n % 70 == 9, "below=111": lambda n: n % 70 == 9 or n < 11},
        newest_first=False,
    ),
}
CASES = [(name, query) for name, of in LISTS.items() for query in of.filters]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'list.db'}"
    return str(request.getfixturevalue("postgres").database())


@pytest.fixture
def desk(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskForTests]:
    monkeypatch.setattr(paging, "LOOKED_AT", FEW)
    database = open_database(url)
    for relation in (ORDERS, PAYMENTS, MESSAGES, STOCK):
        relation.table.metadata.create_all(database.engine)
    yield DeskForTests("any", database, {}, (), lambda transaction, batch: Rows())
    database.close()


def store(desk: DeskForTests, of: List, numbers: range) -> None:
    made = list(chain.from_iterable(map(of.make, numbers)))
    for relation in {relation for relation, _ in made}:
        desk.put(relation, *(row for kind, row in made if kind is relation))


def pages(client: Client, of: List, query: str) -> Iterator[list[str]]:
    cursor = ""
    while True:
        answer = client.get(f"{of.path}?limit={PAGE}&{query}{cursor}")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        yield [of.key(item) for item in found["items"]]
        if found["next_cursor"] is None:
            return
        cursor = f"&cursor={found['next_cursor']}"


@pytest.mark.parametrize("name", LISTS)
def test_following_the_pages_finds_all_that_fit_in_order(desk: DeskForTests, serve: Serve, name: str) -> None:
    of = LISTS[name]
    store(desk, of, range(3 * FEW))
    client = serve(of.routes(desk))
    for query, fits in of.filters.items():
        found = list(pages(client, of, query))
        wanted = [of.name(number) for number in range(3 * FEW) if fits(number)]
        assert list(chain(*found)) == (wanted[::-1] if of.newest_first else wanted), query
        assert max(map(len, found)) <= PAGE
        assert len(found) <= 1 + len(wanted) // PAGE + 3 * FEW // FEW


@pytest.mark.parametrize(
    ("name", "query"), [("orders", "status=PENDING"), ("payments", "status=FAILED"), ("notifications", "status=FAILED")]
)
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.only("distributed")
def test_newer_rows_that_come_between_two_statements_bring_none_twice(
    desk: DeskForTests, serve: Serve, name: str, query: str
) -> None:
    of, come = LISTS[name], iter([range(3 * FEW, 4 * FEW - 1)])

    def arrive(*_: object) -> None:
        for numbers in come:
            store(desk, of, numbers)

    store(desk, of, range(3 * FEW))
    client = serve(of.routes(desk))
    sa.event.listen(desk.database.engine, "after_cursor_execute", arrive)
    found = list(chain(*pages(client, of, query)))
    assert next(come, None) is None
    there = [of.name(number) for number in reversed(range(3 * FEW)) if of.filters[query](number)]
    assert [name for name in found if name in there] == there
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("name", "query"), CASES)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.only("embedded")
def test_a_page_does_as_much_whatever_is_stored(desk: DeskForTests, serve: Serve, name: str, query: str) -> None:
    """Counted by SQLite itself: instructions of its machine."""
    of = LISTS[name]
    client = serve(of.routes(desk))
    store(desk, of, range(4 * FEW))
    before = instructions(desk, client, f"{of.path}?limit={PAGE}&{query}")
    store(desk, of, range(4 * FEW, 12 * FEW))
    assert instructions(desk, client, f"{of.path}?limit={PAGE}&{query}") <= before * MORE


def instructions(desk: DeskForTests, client: Client, address: str) -> int:
    done = [0]

    def count() -> int:
        done[0] += 1
        return 0

    def listen(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(count, 1)

    sa.event.listen(desk.database.engine, "checkout", listen)
    assert client.get(address).status_code == 200
    sa.event.remove(desk.database.engine, "checkout", listen)
    return done[0]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("payments", "status=PAID"),
        ("payments", "cursor=eA"),
        ("notifications", "status=LOST"),
        ("notifications", "channel=fax"),
        ("notifications", "cursor=MDE5MGEwYTAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"),
        ("stock", "below=0"),
        ("stock", "below=-1"),
        ("stock", "below=10000000000"),
    ],
)
def test_what_is_no_filter_is_refused(desk: DeskForTests, serve: Serve, name: str, query: str) -> None:
    of = LISTS[name]
    answer = serve(of.routes(desk)).get(f"{of.path}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])
