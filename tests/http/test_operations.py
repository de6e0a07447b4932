"""An operator sees parked records and health, and tries records again."""

from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from farandole.http.app import application
from farandole.http.dead_letters import dead_letters
from farandole.http.letters import PAGE_BYTES
from farandole.http.operations import routes
from farandole.messaging.kernel_tables import KERNEL, DeadLetter
from farandole.web import branches
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import NOON, DeskForTests


def letter(
    place: int,
    value: bytes | None = b"{}",
    replayed_at: int | None = None,
    subject: str = "key",
    cause: str = "0123456789abcdef",
) -> DeadLetter:
    return DeadLetter(
        id=str(uuid4()),
        topic="order.paid",
        partition=1,
        position=place,
        record_key=b"key",
        record_value=value,
        headers=[("ce_id", "eA==")],
        record_at=NOON,
        error="expected JSON",
        parked_at=NOON + place // 2,
        replayed_at=replayed_at,
        outcome="decided" if replayed_at else None,
        state="REPLAYED" if replayed_at else "OPEN",
        subject=subject,
        cause=cause,
    )


@pytest.fixture
def client(order_desk: DeskForTests, serve: Serve) -> Client:
    return serve(routes(order_desk, CollectorRegistry()))


def test_a_parked_record_is_shown_with_its_bytes(client: Client, order_desk: DeskForTests) -> None:
    parked = letter(7, b"\xff")
    order_desk.put(KERNEL.dead_letters, parked)
    assert client.get("/api/dead-letters").json()["items"] == [
        {
            "id": parked.id,
            "service": "order",
            "state": "OPEN",
            "cause": "0123456789abcdef",
            "origin": {"topic": "order.paid", "partition": 1, "offset": 7, "at": "2026-01-01T12:00:00.000000Z"},
            "key": "key",
            "value": None,
            "value_base64": "/w==",
            "headers": [["ce_id", "eA=="]],
            "error": "expected JSON",
            "parked_at": "2026-01-01T12:00:00.000003Z",
            "replayed_at": None,
            "outcome": None,
        }
    ]


def test_parked_records_come_newest_first_in_pages(client: Client, order_desk: DeskForTests) -> None:
    parked = [letter(place) for place in range(7)]
    order_desk.put(KERNEL.dead_letters, *parked)
    assert ids_of_all_pages(client, 3) == newest_first(*parked)


def ids_of_all_pages(client: Client, limit: int) -> list[str]:
    seen: list[str] = []
    query = {"limit": str(limit)}
    while query.get("cursor", "first"):
        page = client.get("/api/dead-letters", params=query).json()
        assert 0 < len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        query["cursor"] = page["next_cursor"]
    return seen


def newest_first(*parked: DeadLetter) -> list[str]:
    return [row.id for row in sorted(parked, key=lambda row: (row.parked_at, row.id), reverse=True)]


def test_parked_records_of_a_key_a_state_and_a_cause_are_found(client: Client, order_desk: DeskForTests) -> None:
    mine, theirs, done = letter(1), letter(2, subject="other"), letter(3, replayed_at=NOON)
    order_desk.put(KERNEL.dead_letters, mine, theirs, done)

    def found(**query: str) -> list[str]:
        return [item["id"] for item in client.get("/api/dead-letters", params=query).json()["items"]]

    assert found(key="key") == [done.id, mine.id]
    assert found(key="other") == [theirs.id]
    assert found(key="nobody") == found(cause="f" * 16) == found(state="DISCARDED") == []
    assert found(state="OPEN", key="key") == [mine.id]
    assert found(cause=mine.cause, state="REPLAYED") == [done.id]
    for query in ({"key": ""}, {"key": "a\n"}, {"cause": "x"}, {"state": "open"}):
        assert client.get("/api/dead-letters", params=query).status_code == 422


def test_a_page_ends_early_where_its_values_are_large(client: Client, order_desk: DeskForTests) -> None:
    sizes = (1, PAGE_BYTES + 1, 1, PAGE_BYTES // 2, PAGE_BYTES // 2, 1, 0)
    parked = [letter(place, b"x" * size or None) for place, size in enumerate(sizes)]
    order_desk.put(KERNEL.dead_letters, *parked)
    assert len(client.get("/api/dead-letters").json()["items"]) < len(parked)
    assert ids_of_all_pages(client, 50) == newest_first(*parked)


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_the_front_door_leaves_no_letter_out_where_one_page_ends_early(
    order_desk: DeskForTests, payment_desk: DeskForTests, serve: Serve, limit: int
) -> None:
    theirs = {
        "order": [letter(place, b"x" * (PAGE_BYTES // 3)) for place in range(9)],
        "payment": [letter(place) for place in range(-20, 20, 3)],
    }
    clients = {}
    for desk in (order_desk, payment_desk):
        desk.put(KERNEL.dead_letters, *theirs[desk.service])
        inside = httpx.ASGITransport(application(desk.service, dead_letters(desk)))
        clients[desk.service] = httpx.AsyncClient(transport=inside, base_url=f"http://{desk.service}")
    door = serve(branches.routes(clients))
    assert ids_of_all_pages(door, limit) == newest_first(*theirs["order"], *theirs["payment"])


def test_a_replay_tells_its_outcome(client: Client, order_desk: DeskForTests) -> None:
    parked = letter(1)
    order_desk.put(KERNEL.dead_letters, parked)
    answer = client.post(f"/api/dead-letters/{parked.id}/replay")
    assert (answer.status_code, answer.json()) == (200, {"id": parked.id, "outcome": "decided"})


def test_a_second_replay_is_409(client: Client, order_desk: DeskForTests) -> None:
    parked = letter(1, replayed_at=NOON)
    order_desk.put(KERNEL.dead_letters, parked)
    assert client.post(f"/api/dead-letters/{parked.id}/replay").status_code == 409


def test_a_replay_that_fails_again_is_422(client: Client, order_desk: DeskForTests) -> None:
    parked = letter(1)
    order_desk.put(KERNEL.dead_letters, parked)
    order_desk.poisoned = True
    answer = client.post(f"/api/dead-letters/{parked.id}/replay")
    assert (answer.status_code, answer.json()["detail"]) == (422, "expected an order that was placed here")


@pytest.mark.parametrize("letter_id", ["x", "0190a0a0-0000-7000-8000-00000000ffff"])
def test_an_unknown_dead_letter_is_404(client: Client, letter_id: str) -> None:
    assert client.post(f"/api/dead-letters/{letter_id}/replay").status_code == 404


def test_readiness_tells_the_stall(client: Client, order_desk: DeskForTests) -> None:
    assert client.get("/health/live").status_code == client.get("/health/ready").status_code == 200
    order_desk.stalled = "Kafka is away"
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, "Kafka is away")
    assert client.get("/health/live").status_code == 200


def test_metrics_are_prometheus_text(order_desk: DeskForTests, serve: Serve) -> None:
    registry = CollectorRegistry()
    Counter("orders", "placed", registry=registry).inc()
    answer = serve(routes(order_desk, registry)).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "orders_total 1.0" in answer.text
