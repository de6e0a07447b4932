"""Stock, payments and notifications, to look at: shown as their services know them, escaped, goods received once."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from farandole.contract.events import Customer
from farandole.http.app import application
from farandole.http.routes import Route
from farandole.services.inventory import api as inventory
from farandole.services.inventory import handlers, storage
from farandole.services.inventory.domain import Stock
from farandole.services.notification import api as notification
from farandole.services.notification import storage as notification_storage
from farandole.services.notification.domain import Message
from farandole.services.notification.storage import MESSAGES
from farandole.services.payment import api as payment
from farandole.services.payment import storage as payment_storage
from farandole.services.payment.domain import Payment
from farandole.services.payment.storage import PAYMENTS
from farandole.web import shelves
from farandole.web.sources import Sources
from tests.http.conftest import Client
from tests.support.desk_for_tests import NOON, DeskForTests, open_desk

ORDER = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"
PAID, UNPAID, CAUSE = (f"0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f8{number}" for number in (1, 2, 3))
ATTACK = "<script>alert(1)</script>"
ADA = Customer(id="ada")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("inventory", tmp_path, handlers.COMMANDS, storage.RELATIONS, storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def payments(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("payment", tmp_path, {}, payment_storage.RELATIONS, payment_storage.load)
    for order_id, outcome in ((PAID, ("COMPLETED", None, None)), (ORDER, ("FAILED", "limit_exceeded", ATTACK))):
        status, code, detail = outcome
        desk.put(PAYMENTS, Payment(order_id, CAUSE, "d", NOON, status, "USD", 900, ADA, code, detail))
    yield desk
    desk.database.close()


@pytest.fixture
def notifications(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("notification", tmp_path, {}, notification_storage.RELATIONS, notification_storage.load)
    for number, (channel, to) in enumerate((("email", ATTACK), ("sms", "+14155550123"))):
        key = f"{CAUSE[:-1]}{number}"
        desk.put(MESSAGES, Message(key, ORDER, "completed", channel, to, "Thanks", ATTACK, NOON))
    yield desk
    desk.database.close()


@pytest.fixture
def client(desk: DeskForTests, payments: DeskForTests, notifications: DeskForTests) -> Client:
    branches = {
        "inventory": inside(inventory.routes(desk)),
        "payment": inside(payment.routes(payments)),
        "notification": inside(notification.routes(notifications)),
    }
    return Client(application("Farandole", (), pages=shelves.routes(Sources(desk, branches))))


def answered(desk: DeskForTests, answer: httpx.Response) -> Client:
    """The pages before a notification service that always says this."""
    transport = httpx.MockTransport(lambda _: answer)
    branches = {"notification": httpx.AsyncClient(transport=transport, base_url="http://notification")}
    return Client(application("Farandole", (), pages=shelves.routes(Sources(desk, branches))))


OLDER = {
    "order_id": ORDER,
    "kind": "completed",
    "channel": "email",
    "to": "ada@example.com",
    "subject": "Thanks",
    "body": "It is on its way.",
    "status": "sent",
    "at": "2026-11-28T12:00:00Z",
}


def inside(routes: Sequence[Route]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application("a service", routes)), base_url="http://service")


def newer(number: int) -> str:
    return f"0190a6f0-7d4d-7000-8000-{number:012x}"


def rows(client: Client, **query: str) -> list[list[str]]:
    shown = client.get("/stock", params=query).text
    return [re.sub("<[^>]*>", " ", row).split() for row in re.findall("<tr>(.*?)</tr>", shown, re.DOTALL)[1:]]


def test_stock_is_shown_with_what_is_low(client: Client, desk: DeskForTests) -> None:
    assert "Nothing was ever in stock." in client.get("/stock").text
    desk.put(storage.STOCK, Stock("cup", 0, 4), Stock("mug", 9, 1), Stock("tea", 50, 2))
    assert rows(client) == [
        ["cup", "4", "4", "0", "none", "left"],
        ["mug", "10", "1", "9", "low"],
        ["tea", "52", "2", "50"],
    ]
    assert rows(client, low="51")[2] == ["tea", "52", "2", "50", "low"]
    assert rows(client, low="0")[1] == ["mug", "10", "1", "9"]
    assert client.get("/stock", params={"low": "-1"}).status_code == 422


def test_stock_is_shown_page_by_page(client: Client, desk: DeskForTests) -> None:
    desk.put(storage.STOCK, *(Stock(f"sku-{number:03}", number, 0) for number in range(60)))
    shown = client.get("/stock").text
    (cursor,) = re.findall(r"cursor=([\w-]+)", shown)
    assert len(rows(client)) + len(rows(client, cursor=cursor)) == 60
    assert client.get("/stock", params={"cursor": "nonsense!"}).status_code == 422


def test_only_what_is_low_is_shown_where_that_is_asked_for(client: Client, desk: DeskForTests) -> None:
    desk.put(storage.STOCK, Stock("cup", 0, 4), Stock("mug", 9, 1), Stock("tea", 50, 2))
    assert [row[0] for row in rows(client, only="low")] == ["cup", "mug"]
    assert [row[0] for row in rows(client, only="low", low="9")] == ["cup"]
    assert [row[0] for row in rows(client, only="low", low="0")] == ["cup"]


def test_that_nothing_is_low_is_said(client: Client, desk: DeskForTests) -> None:
    desk.put(storage.STOCK, Stock("mug", 9, 1), Stock("tea", 50, 2))
    assert "Nothing is low: of every SKU at least 9 are available." in client.get("/stock?only=low&low=9").text


def test_goods_are_received_once_however_often_the_form_is_sent(client: Client) -> None:
    (key,) = re.findall(r'name="key" value="([^"]+)"', client.get("/stock").text)
    for _ in range(2):
        answer = client.post("/stock/receipts", content=f"sku=tea&quantity=7&key={key}", headers=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, "/stock?received=tea")
    assert rows(client) == [["tea", "7", "0", "7", "low"]]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "sku=tea&quantity=7", 403),
        ({"Origin": "https://evil.example"}, "sku=tea&quantity=7", 403),
        ({}, "sku=..&quantity=7", 422),
        ({}, "sku=a/b&quantity=7", 422),
        ({}, "sku=tea&quantity=0", 422),
        ({}, "sku=tea&quantity=1000000001", 422),
        ({}, "", 422),
    ],
)
def test_nothing_is_received_for_other_sites_or_for_nonsense(
    client: Client, headers: dict[str, str], content: str, status: int
) -> None:
    assert client.post("/stock/receipts", content=content, headers=FORM | headers).status_code == status
    assert rows(client) == []


def test_payments_are_shown_with_the_reason_and_escaped(client: Client) -> None:
    shown = client.get("/payments").text
    assert ATTACK not in shown
    assert "&lt;script&gt;" in shown
    assert "9.00 USD" in shown
    assert shown.index(f'href="/orders/{PAID}"') < shown.index(f'href="/orders/{ORDER}"')


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=FAILED&order_id=&older=", [ORDER]),
        ("status=COMPLETED", [PAID]),
        ("older=86400", [PAID, ORDER]),
        ("older=86400&status=FAILED", [ORDER]),
        (f"order_id={ORDER}", [ORDER]),
        (f"order_id={UNPAID}", []),
    ],
)
def test_payments_are_found_by_their_order_their_status_and_their_age(
    client: Client, query: str, found: list[str]
) -> None:
    assert re.findall('class="id" href="/orders/([^"]+)"', client.get(f"/payments?{query}").text) == found


def test_nothing_found_says_what_to_do_next(client: Client, payments: DeskForTests) -> None:
    assert "it has none before its stock is reserved" in client.get(f"/payments?order_id={UNPAID}").text
    assert "No notification like that." in client.get("/notifications?to=nobody@example.com").text
    payments.put(PAYMENTS, *(Payment(newer(n), CAUSE, "d", NOON, "COMPLETED", "USD", 1, ADA) for n in range(60)))
    shown = client.get("/payments?status=COMPLETED").text
    (older,) = re.findall('<a href="([^"]+)">Older ones</a>', shown)
    assert older.startswith("/payments?status=COMPLETED&amp;cursor=")
    assert PAID in client.get(older.replace("&amp;", "&")).text


def test_notifications_are_shown_as_they_were_written_and_escaped(client: Client) -> None:
    shown = client.get("/notifications").text
    assert ATTACK not in shown
    assert "Subject: Thanks" in shown
    assert "SMS to +14155550123" in shown
    assert "E-mail to" not in client.get("/notifications?channel=sms&status=SENT&to=").text


@pytest.mark.parametrize("path", ["/notifications?order_id=x", "/payments?order_id=x", "/payments?status=x"])
def test_what_is_no_filter_is_told_on_a_page(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, "expected" in answer.text) == (422, True)


def test_what_an_older_notification_service_lists_is_one_page(desk: DeskForTests) -> None:
    assert "Thanks" in answered(desk, httpx.Response(200, json={"items": [OLDER]})).get("/notifications").text


def test_an_answer_that_is_not_json_is_no_bug_of_ours(desk: DeskForTests) -> None:
    shown = answered(desk, httpx.Response(502, html="<h1>Bad gateway</h1>")).get("/notifications")
    assert (shown.status_code, "an answer with 502" in shown.text) == (503, True)
