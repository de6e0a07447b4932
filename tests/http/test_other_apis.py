"""Stock, reservations, payments and notifications as the outside sees them."""

import pytest

from farandole.contract import events
from farandole.messaging.envelope import Cause, Heard
from farandole.services.inventory.api import routes as inventory_routes
from farandole.services.notification.api import routes as notification_routes
from farandole.services.notification.domain import Delivery
from farandole.services.notification.storage import DELIVERIES
from farandole.services.payment.api import routes as payment_routes
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import NOON, DeskForTests

ORDER = "0190a0a0-0000-7000-8000-00000000000a"
OTHER = "0190a0a0-0000-7000-8000-00000000000b"
CAUSE = Cause("0190a0a0-0000-7000-8000-000000000001", "d")
ADA = events.Customer(id="c-42", email="ada@example.com", phone="+14155550123")


def placed(order_id: str = ORDER) -> events.OrderPlaced:
    line = events.Line(sku="tea", quantity=2, unit_price="19.99")
    return events.OrderPlaced(order_id=order_id, customer=ADA, currency="USD", total="39.98", lines=(line,))


def failed(order_id: str = ORDER) -> events.PaymentFailed:
    reason = events.Reason(code="limit_exceeded", detail="too much")
    return events.PaymentFailed(order_id=order_id, customer=ADA, currency="USD", amount="39.98", reason=reason)


@pytest.fixture
def stock(inventory_desk: DeskForTests, serve: Serve) -> Client:
    return serve(inventory_routes(inventory_desk))


def test_goods_come_in_and_are_counted(stock: Client) -> None:
    answer = stock.post("/api/stock/tea/receipts", json={"quantity": 5})
    assert (answer.status_code, answer.json()) == (201, {"sku": "tea", "available": 5, "reserved": 0})
    assert stock.post("/api/stock/tea/receipts", json={"quantity": 5}).json()["available"] == 10
    assert stock.get("/api/stock/tea").json() == {"sku": "tea", "available": 10, "reserved": 0}


def test_a_receipts_key_counts_once_per_sku(stock: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    for sku in ("tea", "tea", "mug"):
        assert stock.post(f"/api/stock/{sku}/receipts", json={"quantity": 5}, headers=headers).json()["available"] == 5
    assert stock.post("/api/stock/tea/receipts", json={"quantity": 6}, headers=headers).status_code == 422


def test_stock_is_listed_by_sku_in_pages(stock: Client) -> None:
    for sku in ("tea", "cup", "mug"):
        stock.post(f"/api/stock/{sku}/receipts", json={"quantity": 1})
    first = stock.get("/api/stock?limit=2").json()
    second = stock.get("/api/stock", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["sku"] for row in first["items"] + second["items"]] == ["cup", "mug", "tea"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("quantity", [0, 10**9 + 1, "1", None])
def test_a_receipt_out_of_range_is_refused(stock: Client, quantity: object) -> None:
    answer = stock.post("/api/stock/tea/receipts", json={"quantity": quantity})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "quantity")


@pytest.mark.parametrize("path", ["/api/stock/none", "/api/stock/a%20b", f"/api/reservations/{ORDER}"])
def test_what_inventory_does_not_know_is_404(stock: Client, path: str) -> None:
    assert stock.get(path).status_code == 404


def test_a_reservation_is_reserved_then_released(stock: Client, inventory_desk: DeskForTests) -> None:
    stock.post("/api/stock/tea/receipts", json={"quantity": 2})
    inventory_desk.decide(Heard(placed(), CAUSE, NOON))
    reserved = {"order_id": ORDER, "status": "RESERVED", "lines": [{"sku": "tea", "quantity": 2}]}
    assert stock.get(f"/api/reservations/{ORDER}").json() == reserved
    inventory_desk.decide(Heard(failed(), CAUSE, NOON))
    assert stock.get(f"/api/reservations/{ORDER}").json() == reserved | {"status": "RELEASED"}


def test_a_rejected_order_has_a_rejected_reservation(stock: Client, inventory_desk: DeskForTests) -> None:
    inventory_desk.decide(Heard(placed(), CAUSE, NOON))
    assert stock.get(f"/api/reservations/{ORDER}").json()["status"] == "REJECTED"


def test_a_payment_shows_amount_and_reason(payment_desk: DeskForTests, serve: Serve) -> None:
    client = serve(payment_routes(payment_desk))
    for order_id, amount in ((ORDER, "10000.00"), (OTHER, "10000.01")):
        event = events.OrderValidated(order_id=order_id, customer=ADA, currency="USD", amount=amount)
        payment_desk.decide(Heard(event, CAUSE, NOON))
    paid = {"order_id": ORDER, "status": "COMPLETED", "amount": "10000.00", "currency": "USD", "reason": None}
    assert client.get(f"/api/payments/{ORDER}").json() == paid
    declined = client.get(f"/api/payments/{OTHER}").json()
    assert (declined["status"], declined["reason"]["code"]) == ("FAILED", "limit_exceeded")
    assert client.get(f"/api/payments/{ORDER[:-1]}f").status_code == 404


def test_notifications_show_whether_they_left(notification_desk: DeskForTests, serve: Serve) -> None:
    client = serve(notification_routes(notification_desk))
    notification_desk.decide(Heard(failed(), CAUSE, NOON))
    items = client.get(f"/api/notifications?order_id={ORDER}").json()["items"]
    by_channel = {item["channel"]: item for item in items}
    assert {channel: item["status"] for channel, item in by_channel.items()} == {"email": "PENDING", "sms": "SENT"}
    assert by_channel["email"]["to"] == "ada@example.com"
    assert by_channel["email"]["at"] == "2026-01-01T12:00:00.000000Z"
    assert client.get("/api/notifications").json()["items"] == items
    assert client.get(f"/api/notifications?order_id={OTHER}").json()["items"] == []
    assert client.get("/api/notifications?order_id=x").status_code == 422


def test_a_delivery_that_was_given_up_has_failed(notification_desk: DeskForTests, serve: Serve) -> None:
    client = serve(notification_routes(notification_desk))
    event = failed()
    decision = notification_desk.decide(Heard(event, Cause(OTHER, "d"), NOON))
    delivery = next(row for row in decision.rows if isinstance(row, Delivery))
    with notification_desk.database.writing() as transaction:
        transaction.update(DELIVERIES, [Delivery(delivery.message_id, NOON, 3, True, "no such mailbox")])
    statuses = {item["status"] for item in client.get("/api/notifications").json()["items"]}
    assert statuses == {"FAILED", "SENT"}
