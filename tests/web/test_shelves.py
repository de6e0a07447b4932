"""Stock, payments and notifications, to look at: shown as their services know them, escaped, goods received once."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from farandole.http.app import application
from farandole.services.inventory import api as inventory
from farandole.services.inventory import handlers, storage
from farandole.services.inventory.domain import Stock
from farandole.web import shelves
from farandole.web.sources import Sources
from tests.http.conftest import Client
from tests.support.desk_for_tests import DeskForTests, open_desk

ORDER = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"
ATTACK = "<script>alert(1)</script>"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("inventory", tmp_path, handlers.COMMANDS, storage.RELATIONS, storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def client(desk: DeskForTests) -> Client:
    payments = {
        "items": [
            {
                "order_id": ORDER,
                "status": "FAILED",
                "amount": "9.00",
                "currency": "USD",
                "reason": {"code": "x", "detail": ATTACK},
            }
        ],
        "next_cursor": "older",
    }
    sent = {
        "order_id": ORDER,
        "kind": "completed",
        "channel": "email",
        "to": ATTACK,
        "subject": "Thanks",
        "body": ATTACK,
        "status": "SENT",
        "at": "2026-01-01T12:00:00.000000Z",
    }
    inside = httpx.ASGITransport(application("inventory", inventory.routes(desk)))
    branches = {
        "inventory": httpx.AsyncClient(transport=inside, base_url="http://inventory"),
        "payment": says(payments),
        "notification": says({"items": [sent, sent | {"channel": "sms", "to": "+14155550123"}]}),
    }
    return Client(application("Farandole", (), pages=shelves.routes(Sources(desk, branches))))


def says(answer: object) -> httpx.AsyncClient:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    return httpx.AsyncClient(transport=transport, base_url="http://service")


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
    assert client.get("/stock", params={"cursor": "nonsense!"}).status_code == 404


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
    assert f'href="/orders/{ORDER}"' in shown
    assert 'href="/payments?cursor=older"' in shown


def test_notifications_are_shown_as_they_were_written_and_escaped(client: Client) -> None:
    shown = client.get("/notifications").text
    assert ATTACK not in shown
    assert "Subject: Thanks" in shown
    assert "SMS to +14155550123" in shown
    assert client.get("/notifications", params={"order_id": "x"}).status_code == 422
    assert client.get("/notifications", params={"order_id": ""}).status_code == 200
