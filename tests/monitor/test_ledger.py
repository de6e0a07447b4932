"""The ledger: booked once whatever the order of records, compared with the services, and wrong where somebody made it wrong."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest

from farandole.contract.choreography import FLOWS
from farandole.messaging.batch import Verdict
from farandole.messaging.database import open_database
from farandole.messaging.envelope import Message
from farandole.monitor import audit, booking
from farandole.monitor.audit import Kind, Told, Watch
from farandole.monitor.ledger_rows import Entry
from farandole.proof.ground.cluster import SAGA, Cluster, Embedded
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import MONITOR, NAMES
from tests.contract.dances import ALL, Kept, danced, heard

SECOND = 1_000_000


def booked(messages: list[Message], size: int) -> Counter[tuple[str, str]]:
    """What a monitor books that hears messages in batches, each batch's entries kept apart as its rows are."""
    monitor, sums = Kept(ALL[MONITOR]), Counter[tuple[str, str]]()
    for at in range(0, len(messages), size):
        verdicts = monitor.batch([heard(monitor.service, message) for message in messages[at : at + size]])
        assert all(isinstance(verdict, Verdict) for verdict in verdicts), verdicts
        for row in monitor.all(Entry):
            sums[row.key] += row.units
            del monitor.rows[Entry, row.key]
    return Counter({place: units for place, units in sums.items() if units})


# fmt: off
BOOKS = {
    ("10.00", 5): {
        ("orders", "PLACED"): 1, ("orders", "COMPLETED"): 1,
        ("placed", "USD"): 2000, ("paid", "USD"): 2000, ("completed", "USD"): 2000,
        ("reserved", "tea"): 2,
    },
    ("10000.01", 5): {
        ("orders", "PLACED"): 1, ("orders", "PAYMENT_FAILED"): 1,
        ("placed", "USD"): 2000002, ("declined", "USD"): 2000002,
        ("reserved", "tea"): 2, ("released", "tea"): 2,
    },
    ("10.00", 1): {
        ("orders", "PLACED"): 1, ("orders", "FAILED"): 1, ("placed", "USD"): 2000,
    },
}
# fmt: on


@pytest.mark.parametrize(("price", "tea"), list(BOOKS))
@pytest.mark.parametrize("size", [1, 2, 20])
def test_an_order_is_booked_once_whenever_and_however_often_its_records_are_heard(
    price: str, tea: int, size: int
) -> None:
    messages = danced(price, tea)
    orders = [messages, messages[::-1], messages * 2, [m for m in messages for _ in range(2)], messages[::-1] * 2]
    orders += [list(order) for order in random.Random(0).sample([*permutations(messages)], 12)]
    for order in orders:
        assert booked(order, size) == BOOKS[price, tea]


def test_under_way_is_what_waits_for_the_inventory() -> None:
    placed, validated, failed, *rest = danced("10000.01", 5)
    assert (placed.topic, validated.topic, failed.topic) == ("order.placed", "order.validated", "payment.failed")
    assert booked([placed], 1)[booking.OPEN, "tea"] == 2
    assert booked([placed, validated], 1)[booking.OPEN, "tea"] == 0
    assert booked([failed, placed, validated], 1)[booking.OPEN, "tea"] == 2
    assert booked([placed, validated, failed, *rest], 1)[booking.OPEN, "tea"] == 0


# What differs, and when it is a drift

LOG = {"received": 10, "reserved": 5, "released": 2}


@pytest.mark.parametrize(
    ("log", "service", "sentence", "patience"),
    [
        (LOG, (7, 3), None, None),
        (LOG, (6, 3), "tea: the log says 10 received, the inventory says 9 (6 available, 3 reserved): 1 too few", audit.SHORT),
        (LOG, (8, 3), "tea: the log says 10 received, the inventory says 11 (8 available, 3 reserved): 1 too many", audit.LONG),
        (LOG, None, "tea: the log says 10 received, the inventory says no such SKU: 10 too few", audit.SHORT),
        (LOG, (5, 5), "tea: the log says 3 reserved, the inventory says 5: 2 too many", audit.SHORT),
        (LOG | {"open": 2}, (5, 5), "tea: the log says 3 reserved, the inventory says 5: 2 too many", None),
        (LOG | {"open": 1}, (5, 5), "tea: the log says 3 reserved, the inventory says 5: 2 too many", audit.SHORT),
        ({}, None, None, None),
        ({"open": 3}, None, None, None),
        ({"reserved": 1}, (0, 1), "tea: the log says that 1 are reserved of 0 received: oversold", audit.LONG),
    ],
)  # fmt: skip
def test_stock_differs_unless_what_is_under_way_explains_it(
    log: dict[str, int], service: tuple[int, int] | None, sentence: str | None, patience: int | None
) -> None:
    found = audit.stock("tea", log, service)
    assert (found.sentence if found else None, found.patience if found else None) == (sentence, patience)


def test_an_order_may_be_ahead_of_the_log_but_not_otherwise() -> None:
    service = Told("COMPLETED", "USD", "10.00")
    assert audit.order("a", service, service) is None
    ahead = [audit.order("a", log, service) for log in (None, Told("PENDING", "USD", "10.00"))]
    assert [found and found.patience for found in ahead] == [audit.LONG, audit.LONG]
    others = (Told("FAILED", "USD", "10.00"), Told("COMPLETED", "USD", "1.00"), Told("PENDING", "EUR", "10.00"))
    apart = [audit.order("a", log, service) for log in others]
    assert [found and found.patience for found in apart] == [audit.SHORT] * 3


def test_money_is_paid_for_what_completed() -> None:
    log = {"USD": {"paid": 1000, "completed": 900}, "EUR": {"paid": 5, "completed": 5}}
    resting = audit.monies(log, {"PLACED": 2, "COMPLETED": 2})
    moving = audit.monies(log, {"PLACED": 3, "COMPLETED": 2})
    assert resting["EUR"] is moving["EUR"] is None
    assert resting["USD"] is not None
    assert resting["USD"][2:] == ("USD: completed orders owe 9.00, 10.00 was paid", (1000, 900), audit.SHORT)
    assert moving["USD"] is not None
    assert moving["USD"].patience is None


def look(watch: Watch, at: int, service: tuple[int, int], log: dict[str, int] = LOG, *, steady: bool = True) -> bool:
    """One look at tea; whether it is a drift."""
    watch.observe(at * SECOND, Kind.STOCK, {"tea": audit.stock("tea", log, service)}, steady=steady)
    return any(one.drift for one in watch.known.values())


def test_what_stays_apart_is_a_drift_after_a_while() -> None:
    watch = Watch()
    assert [look(watch, at, (6, 3)) for at in (0, 2, 4, 6)] == [False, False, False, True]
    assert look(watch, 8, (5, 3)), "it may grow"
    assert not look(watch, 10, (7, 3)), "it may be put right"
    assert watch.known == {}


def test_few_looks_far_apart_are_no_drift() -> None:
    watch = Watch()
    assert [look(watch, at, (6, 3)) for at in (0, 60)] == [False, False]


def test_what_moves_is_no_drift() -> None:
    watch = Watch()
    reserved = [(7 - n, 3 + n) for n in range(8)]
    assert not any(look(watch, 2 * at, service) for at, service in enumerate(reserved))


def test_nothing_is_a_drift_while_the_monitor_lags() -> None:
    watch = Watch()
    assert not any(look(watch, at, (6, 3), steady=at > 30) for at in range(0, 36, 2))
    assert look(watch, 38, (6, 3))


def test_what_was_explained_and_no_longer_is_begins_anew() -> None:
    watch = Watch()
    explained = [look(watch, at, (5, 5), LOG | {"open": 2}) for at in range(0, 20, 2)]
    assert not any(explained + [look(watch, at, (5, 5)) for at in (20, 22, 24)])
    assert look(watch, 26, (5, 5))


def test_a_service_that_is_away_makes_no_drift() -> None:
    watch = Watch()
    assert not any(look(watch, at, (6, 3)) for at in (0, 2))
    watch.unseen(Kind.STOCK)
    assert not any(look(watch, at, (6, 3)) for at in (10, 12))


# A running system, on both halves


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.only("embedded")),
        pytest.param("distributed", marks=[pytest.mark.proof, pytest.mark.kafka, pytest.mark.postgres]),
    ]
)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The one address of a system, and its databases' URLs by service."""
    if request.param == "embedded":
        with Embedded(tmp_path / "data") as up:
            yield up.url, {name: f"sqlite:///{tmp_path / 'data' / name}.db" for name in NAMES}
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    members = {name: cluster.start(name) for name in SAGA}
    door = cluster.start(MONITOR, **{f"FARANDOLE_{name.upper()}_URL": one.url for name, one in members.items()})
    cluster.all_ready([*members.values(), door])
    yield door.url, cluster.databases


PRICES = dict(zip(FLOWS, ("10.00", "10000.01", "10.00"), strict=True))


def place(client: httpx.Client, flow: str, **headers: str) -> str:
    line = {"sku": "unicorn" if flow == "stock-failure" else "tea", "quantity": 2, "unit_price": PRICES[flow]}
    wish = {"customer": {"id": "c-1"}, "currency": "USD", "lines": [line]}
    answer = client.post("/api/orders", json=wish, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def report(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/ledger")
    return dict(answer.json()) if answer.is_success else {"state": None, "findings": [], "orders": {"placed": 0}}


def change(url: str, statement: str) -> None:
    """Somebody changes a row by hand."""
    database = open_database(url)
    with database.writing() as transaction:
        assert transaction.connection.exec_driver_sql(statement).rowcount == 1
    database.close()


@pytest.mark.timeout(240)
def test_a_row_that_is_changed_by_hand_is_found_and_named(running: tuple[str, dict[str, str]]) -> None:
    url, databases = running
    with httpx.Client(base_url=url, timeout=40) as client:
        for sku, quantity in (("tea", 1000), ("cup", 5)):
            assert client.post(f"/api/stock/{sku}/receipts", json={"quantity": quantity}).status_code == 201
        ids = {flow: place(client, flow, Prefer="wait=30") for flow in FLOWS}

        def agrees(placed: int) -> bool:
            found = report(client)
            return (found["state"], found["orders"]["placed"]) == ("agrees", placed)

        def drifts() -> dict[str, str]:
            return {found["name"]: found["sentence"] for found in report(client)["findings"] if found["drift"]}

        drive_until(lambda: agrees(3), pause)
        change(databases["inventory"], "UPDATE stock SET available = available - 1 WHERE sku = 'cup'")
        change(databases["order"], f"UPDATE orders SET total = total + 1 WHERE order_id = '{ids['happy']}'")
        change(databases["payment"], f"UPDATE payments SET status = 'FAILED' WHERE order_id = '{ids['happy']}'")
        drive_until(drifts, pause)
        for flow in (*FLOWS, *FLOWS):
            place(client, flow)
        drive_until(lambda: {"cup", ids["happy"]} <= drifts().keys(), pause)
        assert (
            drifts()["cup"] == "cup: the log says 5 received, the inventory says 4 (4 available, 0 reserved): 1 too few"
        )
        kinds = {found["kind"] for found in report(client)["findings"] if found["drift"]}
        assert kinds == {"stock", "order", "payment"}
        assert 'farandole_ledger_drift{kind="stock"} 1.0' in client.get("/metrics").text
        page = client.get("/ledger").text
        assert "Something does not agree" in page
        assert drifts()["cup"] in page

        change(databases["inventory"], "UPDATE stock SET available = available + 1 WHERE sku = 'cup'")
        change(databases["order"], f"UPDATE orders SET total = total - 1 WHERE order_id = '{ids['happy']}'")
        change(databases["payment"], f"UPDATE payments SET status = 'COMPLETED' WHERE order_id = '{ids['happy']}'")
        drive_until(lambda: agrees(9), pause)
        assert "Everything agrees" in client.get("/ledger").text


@pytest.mark.timeout(240)
def test_under_load_nothing_drifts_and_a_lost_unit_is_found_all_the_same(tmp_path: Path) -> None:
    with Embedded(tmp_path / "data") as up, httpx.Client(base_url=up.url, timeout=40) as client:
        for sku in ("tea", "cup"):
            assert client.post(f"/api/stock/{sku}/receipts", json={"quantity": 1_000_000}).status_code == 201
        said: set[str] = set()
        looks: set[str] = set()

        def order_and_look() -> None:
            for flow in FLOWS:
                place(client, flow)
            found = report(client)
            looks.add(found.get("looked_at", ""))
            said.update(one["sentence"] for one in found["findings"] if one["drift"])

        drive_until(lambda: len(looks) > 3, order_and_look)
        assert said == set()
        change(
            f"sqlite:///{tmp_path / 'data' / 'inventory.db'}",
            "UPDATE stock SET available = available - 1 WHERE sku = 'tea'",
        )
        drive_until(lambda: said, order_and_look)
        assert len(said) == 1
        assert said.pop().startswith("tea: the log says 1000000 received, the inventory says 999999 (")
