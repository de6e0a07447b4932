"""Orders are answered when durable, once per key, newest first."""

from functools import partial
from typing import Any

import pytest

from farandole.contract import events
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Cause, Heard
from farandole.messaging.kernel_tables import KERNEL
from farandole.services.order.api import routes
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import NOON, DeskForTests

CAUSE = Cause("0190a0a0-0000-7000-8000-000000000001", "d")
PROBLEM = "application/problem+json"


def wish(**changes: Any) -> dict[str, Any]:
    line = {"sku": "tea", "quantity": 2, "unit_price": "19.99"}
    return {"customer": {"id": "c-42", "email": "ada@example.com"}, "currency": "USD", "lines": [line], **changes}


def priced(price: str, quantity: int = 1) -> list[dict[str, Any]]:
    return [{"sku": "tea", "quantity": quantity, "unit_price": price}]


def complete(desk: DeskForTests, order_id: str, amount: str = "39.98") -> Decision:
    return desk.decide(
        Heard(events.OrderPaid(order_id=order_id, currency="USD", amount=amount), CAUSE, NOON + 1_000_000)
    )


@pytest.fixture
def client(order_desk: DeskForTests, serve: Serve) -> Client:
    return serve(routes(order_desk))


def test_an_order_is_created_pending(client: Client) -> None:
    answer = client.post("/api/orders", json=wish())
    order = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/orders/{order['id']}"
    assert order == {
        "id": order["id"],
        "status": "PENDING",
        "reason": None,
        "customer": {"id": "c-42", "email": "ada@example.com"},
        "currency": "USD",
        "total": "39.98",
        "lines": [{"sku": "tea", "quantity": 2, "unit_price": "19.99"}],
        "placed_at": "2026-01-01T12:00:00.000000Z",
        "updated_at": "2026-01-01T12:00:00.000000Z",
    }
    assert client.get(answer.headers["location"]).json() == order


def test_prices_are_answered_with_the_currencys_digits(client: Client) -> None:
    assert client.post("/api/orders", json=wish(lines=priced("19"))).json()["lines"] == priced("19.00")


def test_the_same_key_and_order_give_the_original_answer(client: Client, order_desk: DeskForTests) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = client.post("/api/orders", json=wish(lines=priced("19")), headers=headers)
    complete(order_desk, first.json()["id"], "19.00")
    again = client.post("/api/orders", json=wish(lines=priced("19.00")), headers=headers)
    assert (again.status_code, again.json(), again.headers["location"]) == (
        201,
        first.json(),
        first.headers["location"],
    )
    assert len(client.get("/api/orders").json()["items"]) == 1


def test_the_same_key_with_another_order_is_refused(client: Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    client.post("/api/orders", json=wish(), headers=headers)
    answer = client.post("/api/orders", json=wish(currency="EUR"), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": {"id": "c-43", "email": "ada@example.com"}},
        {"customer": {"id": "c-42", "email": "eve@example.com"}},
        {"customer": {"id": "c-42", "email": "ada@example.com", "phone": "+14155550123"}},
        {"customer": {"id": "c-42"}},
        {"currency": "EUR"},
        {"lines": [{"sku": "milk", "quantity": 2, "unit_price": "19.99"}]},
        {"lines": [{"sku": "tea", "quantity": 3, "unit_price": "19.99"}]},
        {"lines": [{"sku": "tea", "quantity": 2, "unit_price": "19.98"}]},
        {"lines": 2 * [{"sku": "tea", "quantity": 1, "unit_price": "19.99"}]},
    ],
    ids=str,
)
def test_whatever_differs_makes_another_order_of_it(client: Client, changes: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert client.post("/api/orders", json=wish(), headers=headers).status_code == 201
    assert client.post("/api/orders", json=wish(**changes), headers=headers).status_code == 422
    assert client.post("/api/orders", json=wish(), headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 129, "a\tb"])
def test_a_key_that_is_not_printable_is_refused(client: Client, key: str) -> None:
    answer = client.post("/api/orders", json=wish(), headers={"Idempotency-Key": key})
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]


def test_who_prefers_to_wait_is_answered_with_the_end(client: Client, order_desk: DeskForTests) -> None:
    order_desk.then = partial(complete, order_desk)
    answer = client.post("/api/orders", json=wish(), headers={"Prefer": "respond-async, Wait=99; x=y"})
    assert (answer.status_code, answer.json()["status"]) == (201, "COMPLETED")
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.json()["updated_at"] == "2026-01-01T12:00:01.000000Z"


def test_who_repeats_and_prefers_to_wait_is_answered_with_the_end_of_the_first(
    client: Client, order_desk: DeskForTests
) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = client.post("/api/orders", json=wish(), headers=headers).json()
    complete(order_desk, first["id"])
    again = client.post("/api/orders", json=wish(), headers=headers | {"Prefer": "wait=9"}).json()
    assert (again["id"], again["status"]) == (first["id"], "COMPLETED")


@pytest.mark.parametrize("preference", ["wait", "wait=", "wait=-1", "wait=1.5", "wait=ten", "return=minimal"])
def test_a_preference_that_is_not_understood_is_ignored(client: Client, preference: str) -> None:
    answer = client.post("/api/orders", json=wish(), headers={"Prefer": preference})
    assert (answer.status_code, "preference-applied" in answer.headers) == (201, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "ZZZ"}, "currency"),
        ({"lines": priced("0.00")}, "lines[0].unit_price"),
        ({"lines": priced("1.999")}, "lines[0].unit_price"),
        ({"lines": priced("1e3")}, "lines[0].unit_price"),
        ({"lines": priced("-1")}, "lines[0].unit_price"),
        ({"lines": priced("10000000.00", 1000)}, "lines"),
    ],
)
def test_an_order_that_is_not_money_is_refused(client: Client, changes: dict[str, Any], field: str) -> None:
    answer = client.post("/api/orders", json=wish(**changes))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_largest_total_is_taken(client: Client) -> None:
    lines = [*priced("999999.99", 9999), *priced("1000099.98")]
    assert client.post("/api/orders", json=wish(lines=lines)).json()["total"] == "9999999999.99"


def test_an_overfull_outbox_is_503_with_retry_after(client: Client, order_desk: DeskForTests) -> None:
    order_desk.overfull = True
    answer = client.post("/api/orders", json=wish())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_orders_are_listed_newest_first_in_pages(client: Client) -> None:
    placed = [client.post("/api/orders", json=wish()).json()["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get("/api/orders", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [order["id"] for order in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == placed[::-1]


def test_orders_are_filtered_by_status_and_customer(client: Client, order_desk: DeskForTests) -> None:
    done, open_ = (client.post("/api/orders", json=wish()).json()["id"] for _ in range(2))
    other = client.post("/api/orders", json=wish(customer={"id": "c-7"})).json()["id"]
    complete(order_desk, done)

    def ids(**filters: str) -> list[str]:
        return [order["id"] for order in client.get("/api/orders", params=filters).json()["items"]]

    assert ids(status="COMPLETED") == [done]
    assert ids(status="PENDING") == [other, open_]
    assert ids(customer_id="c-42") == [open_, done]
    assert ids(customer_id="c-42", status="PENDING") == [open_]
    assert ids(status="FAILED") == []


@pytest.mark.parametrize(
    "query", ["status=x", "limit=0", "limit=201", "limit=x", "cursor=x", "cursor=YWJj", "customer_id=%00"]
)
def test_a_wrong_query_is_422(client: Client, query: str) -> None:
    answer = client.get(f"/api/orders?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "order_id", ["x", "0190a0a0-0000-7000-8000-00000000ffff", "%00", "0190a0a0-0000-7000-8000-00000000ffff%0A"]
)
def test_an_unknown_order_is_404(client: Client, order_id: str) -> None:
    answer = client.get(f"/api/orders/{order_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


def test_an_absent_table_is_an_outage_and_tells_nothing(client: Client, order_desk: DeskForTests) -> None:
    for table in reversed(order_desk.relations[0].table.metadata.sorted_tables):
        table.drop(order_desk.database.engine)
    answer = client.get("/api/orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "orders" not in answer.text
    assert KERNEL.outbox.name not in answer.text
