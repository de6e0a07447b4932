"""The commands about orders: what they ask, what they print, and how they end."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from farandole.contract.choreography import FLOWS
from tests.cli.running import ID, asking, environment, farandole, refused
from tests.cli.server import PROBLEM, Answer, CannedServer

ORDER = {
    "id": ID,
    "status": "COMPLETED",
    "reason": None,
    "customer": {"id": "c-42", "email": "ada@example.com", "phone": None},
    "currency": "USD",
    "total": "39.98",
    "lines": [{"sku": "tea", "quantity": 2, "unit_price": "19.99"}],
    "placed_at": "2030-01-31T12:00:00Z",
    "updated_at": "2030-01-31T12:00:01Z",
}
FAILED = ORDER | {"status": "FAILED", "reason": {"code": "insufficient_stock", "detail": "not enough tea"}}
STEP = {
    "service": "inventory",
    "step": "Reserve stock (RESERVED)",
    "heard": "order.placed",
    "said": "order.validated",
    "at": "2030-01-31T12:00:00Z",
}
END = "event: end\ndata: {}\n\n"


def step(number: int) -> str:
    return f"id: {number}\nevent: step\nretry: 0\ndata: {json.dumps(STEP)}\n\n"


def stream(*parts: str) -> Answer:
    return Answer("".join(parts), type="text/event-stream")


def test_an_order_is_placed_as_the_contract_says() -> None:
    with CannedServer({"POST /api/orders": [Answer(ORDER, 201)]}) as server:
        who = ["--customer", "c-42", "--email", "ada@example.com", "--idempotency-key", "k-1", "--wait", "5"]
        what = ["--sku", "tea", "--quantity", "2", "--price", "19.99", "--line", "mug:1:8.50"]
        done = asking(server, "order", "place", *who, *what)
    assert (done.returncode, done.stderr) == (0, "")
    assert "status    COMPLETED" in done.stdout
    [asked] = server.asked
    assert (asked.headers["Idempotency-Key"], asked.headers["Prefer"]) == ("k-1", "wait=5")
    assert asked.body == {
        "customer": {"id": "c-42", "email": "ada@example.com"},
        "currency": "USD",
        "lines": [
            {"sku": "tea", "quantity": 2, "unit_price": "19.99"},
            {"sku": "mug", "quantity": 1, "unit_price": "8.50"},
        ],
    }


@pytest.mark.parametrize("status", ["FAILED", "PAYMENT_FAILED"])
def test_an_order_that_failed_while_waited_for_exits_1(status: str) -> None:
    with CannedServer({"POST /api/orders": [Answer(FAILED | {"status": status}, 201)]}) as server:
        done = asking(server, "order", "place", "--line", "tea:2:19.99", "--wait", "5")
    assert (done.returncode, done.stderr) == (1, "")
    assert "insufficient_stock: not enough tea" in done.stdout


def test_an_order_still_under_way_is_no_failure() -> None:
    with CannedServer({"POST /api/orders": [Answer(ORDER | {"status": "PENDING"}, 201)]}) as server:
        done = asking(server, "order", "place", "--line", "tea:2:19.99", "--wait", "1", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "PENDING"
    assert "still under way" in done.stderr


def test_every_wrong_field_is_named_in_one_line() -> None:
    wrong = [{"field": "currency", "message": "unknown"}, {"field": "lines[0].sku", "message": "too\nlong"}]
    problem = {"title": "Unprocessable Content", "status": 422, "detail": "the order is invalid", "errors": wrong}
    with CannedServer({"POST /api/orders": [Answer(problem, 422, PROBLEM)]}) as server:
        done = asking(server, "order", "place", "--line", "tea:2:19.99")
    refused(done, 2, "the order is invalid; currency: unknown; lines[0].sku: too")


def test_an_order_that_nobody_knows_is_a_no() -> None:
    with CannedServer({}) as server:
        refused(asking(server, "order", "show", ID), 1, f"no GET /api/orders/{ID}")


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    with CannedServer({}) as server:
        asking(server, "order", "show", "../stock?x")
    assert [asked.route for asked in server.asked] == ["GET /api/orders/..%2Fstock%3Fx"]


def test_an_order_is_shown_to_programs_as_the_server_said_it() -> None:
    with CannedServer({f"GET /api/orders/{ID}": [Answer(ORDER)]}) as server:
        assert json.loads(asking(server, "order", "show", ID, "--json").stdout) == ORDER


def test_orders_are_listed_a_page_at_a_time() -> None:
    page = {"items": [ORDER], "next_cursor": "abc"}
    route = "GET /api/orders?customer_id=c-42&status=COMPLETED&limit=1"
    with CannedServer({route: [Answer(page)]}) as server:
        query = ["order", "list", "--status", "COMPLETED", "--customer", "c-42", "--limit", "1"]
        people, programs = asking(server, *query), asking(server, *query, "--json")
    assert ID in people.stdout
    assert "--cursor abc" in people.stdout
    assert json.loads(programs.stdout) == page


def test_a_watched_order_is_followed_over_broken_connections_to_its_end() -> None:
    route = f"GET /api/orders/{ID}/events"
    answers = [stream(": hello\n\n", step(1), step(2), "id: 3\nevent: st"), stream(step(3), END), Answer(status=500)]
    with CannedServer({route: answers}) as server:
        done = asking(server, "order", "watch", ID, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [STEP] * 3
    assert [asked.headers.get("Last-Event-ID") for asked in server.asked] == [None, "2"]


def test_a_watched_order_that_had_ended_before_says_nothing_new() -> None:
    with CannedServer({f"GET /api/orders/{ID}/events": [stream(step(1)), Answer(status=204)]}) as server:
        done = asking(server, "order", "watch", ID)
    assert (done.returncode, done.stdout.count("Reserve stock (RESERVED) → order.validated\n")) == (0, 1)


@pytest.mark.parametrize(("times", "code"), [(1, 0), (9, 1)])
def test_a_monitor_that_has_not_heard_of_the_order_is_asked_again_a_few_times(times: int, code: int) -> None:
    unheard = Answer({"title": "Not Found", "detail": "not yet"}, 404, PROBLEM, {"Retry-After": "0"})
    answers = [unheard] * times + [stream(step(1), END)]
    with CannedServer({f"GET /api/orders/{ID}/events": answers}) as server:
        assert asking(server, "order", "watch", ID).returncode == code


def test_watching_an_order_that_nobody_knows_is_a_no() -> None:
    with CannedServer({}) as server:
        refused(asking(server, "order", "watch", ID), 1, "no GET")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_stop_is_no_failure(ending: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        watching = [sys.executable, "-m", "farandole.cli", "order", "watch", ID, "--url", url]
        with subprocess.Popen(watching, env=environment(), stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            with connection:
                process.send_signal(ending)
                _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (0, "")


def test_the_diagram_of_an_order_is_printed_as_it_was_recorded() -> None:
    drawn = "sequenceDiagram\n    participant C as Customer\n"
    with CannedServer({f"GET /api/orders/{ID}/diagram": [Answer(drawn, type="text/plain")]}) as server:
        assert asking(server, "diagram", ID).stdout == drawn


def test_the_three_flows_are_drawn_without_a_server() -> None:
    done = farandole("diagram")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("sequenceDiagram") == len(FLOWS)
