"""The command line as a real process: what it prints, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from farandole import __version__
from farandole.cli.servers import SERVERS, SERVICES, microseconds
from farandole.contract.choreography import FLOWS, Service
from farandole.proof.ground.ports import free_port
from tests.cli.server import PROBLEM, Answer, CannedServer

SOURCE = Path(__file__).resolve().parents[2] / "src"
ID = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"
GROUPS = ["", "order", "stock", "dead-letters"]
COMMANDS = [
    *("up", "demo", "serve", "topics", "migrate", "order place", "order show", "order list", "order watch"),
    *("stock list", "stock receive", "diagram", "dead-letters list", "dead-letters show", "dead-letters replay"),
    *("republish", "settings"),
]
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
LETTER = {
    "id": "7",
    "service": "payment",
    "state": "OPEN",
    "origin": {"topic": "order.validated", "partition": 3, "offset": 41},
    "key": ID,
    "value": "?",
    "value_base64": "Pw==",
    "headers": [["ce_id", "1"]],
    "error": "\x1b[2J no",
    "parked_at": "2030-01-31T12:00:00Z",
    "replayed_at": None,
    "outcome": None,
}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FARANDOLE_")}
    return kept | {"PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"} | more


def farandole(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "farandole.cli", *arguments],
        env=environment(**environ),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def asking(server: CannedServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return farandole(*arguments, FARANDOLE_URL=server.url)


def refused(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    """An error is one line on standard error, and nothing else."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("farandole: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def step(number: int) -> str:
    return f"id: {number}\nevent: step\nretry: 0\ndata: {json.dumps(STEP)}\n\n"


def stream(*parts: str) -> Answer:
    return Answer("".join(parts), type="text/event-stream")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = farandole(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: farandole {command}" in done.stdout
    assert f"    farandole {command}" in done.stdout.partition("Example")[2]


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_lists_its_commands(group: str) -> None:
    done = farandole(*group.split(), "--help")
    assert done.returncode == 0
    for command in COMMANDS:
        if command.startswith(group):
            assert f"\n  {command.removeprefix(group).split()[0]}" in done.stdout


def test_help_loads_nothing_heavy() -> None:
    heavy = {"httpx", "rich", "sqlalchemy", "msgspec", "starlette", "confluent_kafka", "structlog", "uvicorn"}
    code = "import sys, farandole.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(SOURCE)}, capture_output=True, check=True
    )
    assert heavy.isdisjoint(done.stdout.decode().split())


def test_the_version_is_told() -> None:
    assert farandole("--version").stdout == f"farandole {__version__}\n"


def test_an_incomplete_command_shows_help_and_counts_as_wrong_usage() -> None:
    done = farandole("order")
    assert done.returncode == 2
    assert "Usage: farandole order" in done.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("dance", "No such command 'dance'"),
        ("up --prot 1", "No such option"),
        ("up --port http", "--port: expected a whole number from 0 to 65535, found 'http'"),
        ("serve shipping", "'shipping' is not one of"),
        ("serve order", "expected --kafka or FARANDOLE_KAFKA"),
        ("serve order --kafka localhost:9092", "expected --database or FARANDOLE_DATABASE"),
        ("topics", "expected --kafka or FARANDOLE_KAFKA"),
        ("migrate order", "expected --database or FARANDOLE_DATABASE"),
        ("migrate order --database ada:s3cr3t@db", "--database: expected a SQLAlchemy URL"),
        ("republish monitor", "'monitor' is not one of"),
        ("republish order --since yesterday", "expected --since as 2030-01-31T12:00:00Z, found 'yesterday'"),
        ("order show", "Missing argument 'ORDER_ID'"),
        ("order place", "found no line"),
        ("order place --sku tea", "expected --sku and --price together"),
        ("order place --line tea:two:19.99", "expected --line SKU:QUANTITY:PRICE, found 'tea:two:19.99'"),
        ("order place --line tea:2:19.99 --wait 31", "31 is not in the range 0<=x<=30"),
        ("order list --url localhost", "--url: expected a URL such as http://127.0.0.1:8000, found 'localhost'"),
        ("stock receive tea many", "'many' is not a valid integer"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(command: str, said: str) -> None:
    done = farandole(*command.split())
    refused(done, 2, said)
    assert "s3cr3t" not in done.stderr


def test_an_unknown_setting_stops_a_command_and_names_the_nearest() -> None:
    refused(farandole("up", FARANDOLE_PROT="1"), 2, "found FARANDOLE_PROT; the nearest is FARANDOLE_PORT")


@pytest.mark.parametrize("command", ["order list", f"order watch {ID}", "stock list", "dead-letters replay 7"])
def test_an_unreachable_server_exits_2_with_one_line(command: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused(farandole(*command.split(), "--url", url), 2, f"expected a Farandole at {url}, found: ")


def test_a_stranger_on_the_port_is_not_taken_for_a_farandole() -> None:
    with CannedServer({"GET /api/stock": [Answer("<html>", type="text/html")]}) as server:
        refused(asking(server, "stock", "list"), 2, "expected JSON from")


def test_a_proxy_is_not_asked_for_the_way_home() -> None:
    with CannedServer({"GET /api/stock": [Answer({"items": [], "next_cursor": None})]}) as server:
        assert farandole("stock", "list", FARANDOLE_URL=server.url, HTTP_PROXY="http://127.0.0.1:1").returncode == 0


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


def test_the_whole_stock_is_listed() -> None:
    rows = [{"sku": sku, "available": 5, "reserved": 1} for sku in ("mug", "tea")]
    answers = {
        "GET /api/stock": [Answer({"items": rows[:1], "next_cursor": "m"})],
        "GET /api/stock?cursor=m": [Answer({"items": rows[1:], "next_cursor": None})],
    }
    with CannedServer(answers) as server:
        people, programs = asking(server, "stock", "list"), asking(server, "stock", "list", "--json")
    assert people.stdout.index("mug") < people.stdout.index("tea")
    assert json.loads(programs.stdout)["items"] == rows


def test_goods_are_taken_in() -> None:
    row = {"sku": "tea", "available": 100, "reserved": 0}
    with CannedServer({"POST /api/stock/tea/receipts": [Answer(row, 201)]}) as server:
        done = asking(server, "stock", "receive", "tea", "100", "--json")
    assert json.loads(done.stdout) == row
    assert [asked.body for asked in server.asked] == [{"quantity": 100}]


def test_the_diagram_of_an_order_is_printed_as_it_was_recorded() -> None:
    drawn = "sequenceDiagram\n    participant C as Customer\n"
    with CannedServer({f"GET /api/orders/{ID}/diagram": [Answer(drawn, type="text/plain")]}) as server:
        assert asking(server, "diagram", ID).stdout == drawn


def test_the_three_flows_are_drawn_without_a_server() -> None:
    done = farandole("diagram")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("sequenceDiagram") == len(FLOWS)


def test_a_dead_letter_cannot_move_the_cursor() -> None:
    action = {"at": "2030-01-31T12:00:00Z", "actor": "\x1b[2J ada", "action": "FAILED", "reason": "", "outcome": "no"}
    answers = {
        "GET /api/dead-letters": [Answer({"items": [LETTER], "next_cursor": None})],
        "GET /api/dead-letters/7": [Answer({"letter": LETTER, "history": [action]})],
        "GET /api/dead-letters/8": [Answer({"title": "no", "detail": "found none here"}, 404, PROBLEM)],
    }
    with CannedServer(answers) as server:
        outputs = [asking(server, "dead-letters", *words).stdout for words in (["list"], ["show", "7"])]
        unknown = asking(server, "dead-letters", "show", "8")
    assert "order.validated[3]@41" in outputs[0]
    assert all("\\x1b[2J no" in output and "\x1b" not in output for output in outputs)
    assert "\\x1b[2J ada" in outputs[1]
    refused(unknown, 1, "found none here")


def test_dead_letters_are_listed_by_their_order_and_grouped() -> None:
    group = {
        "cause": "c",
        "service": "payment",
        "topic": "order.validated",
        "letters": 41,
        "newest": "t",
        "error": "no",
    }
    answers = {
        f"GET /api/dead-letters?state=OPEN&key={ID}": [Answer({"items": [LETTER], "next_cursor": None})],
        "GET /api/dead-letters/groups": [Answer({"items": [group], "more": False})],
    }
    with CannedServer(answers) as server:
        found = asking(server, "dead-letters", "list", "--key", ID, "--state", "OPEN", "--json")
        groups = asking(server, "dead-letters", "groups")
    assert json.loads(found.stdout)["items"] == [LETTER]
    assert "41" in groups.stdout


def test_a_preview_tells_what_would_change_and_leave() -> None:
    foreseen = {
        "id": "7",
        "changes": [{"table": "stock", "before": None, "after": {"sku": "tea"}}],
        "says": {"topic": "order.paid", "key": ID, "headers": [], "value": "{}"},
    }
    with CannedServer({"POST /api/dead-letters/7/preview": [Answer(foreseen)]}) as server:
        done = asking(server, "dead-letters", "preview", "7")
    assert done.returncode == 0
    assert "order.paid" in done.stdout
    assert '{"sku": "tea"}' in done.stdout


def test_letters_of_a_cause_are_replayed_request_by_request() -> None:
    pages = [
        {"done": 2, "failed": 0, "left": 1, "next_cursor": "n", "error": None},
        {"done": 0, "failed": 1, "left": 0, "next_cursor": None, "error": "by zero"},
    ]
    path = "POST /api/dead-letters/replays?cause=c&reason=mended&limit=200"
    answers = {path: [Answer(pages[0])], f"{path}&cursor=n": [Answer(pages[1])]}
    with CannedServer(answers) as server:
        done = asking(server, "dead-letters", "replay", "--cause", "c", "--reason", "mended", "--as", "ada")
    assert done.returncode == 1
    assert "2 done, 0 failed again, 1 left" in done.stderr
    assert "1 failed again and stay parked, the last one: by zero" in done.stderr
    assert {asked.headers["X-Actor"] for asked in server.asked} == {"ada"}


def test_letters_are_discarded_with_a_reason() -> None:
    answers = {
        "POST /api/dead-letters/7/discard": [Answer({"id": "7", "outcome": "discarded"})],
        "POST /api/dead-letters/discards?reason=x&limit=200": [
            Answer({"done": 2, "failed": 0, "left": 0, "next_cursor": None, "error": None})
        ],
    }
    with CannedServer(answers) as server:
        one = asking(server, "dead-letters", "discard", "7", "--reason", "x", "--as", "ada")
        several = asking(server, "dead-letters", "discard", "--all", "--reason", "x")
        without = asking(server, "dead-letters", "discard", "7")
        both = asking(server, "dead-letters", "discard", "7", "--all", "--reason", "x")
        neither = asking(server, "dead-letters", "replay")
    assert [done.returncode for done in (one, several, without, both, neither)] == [0, 0, 2, 2, 2]
    assert server.asked[0].body == {"reason": "x"}
    assert server.asked[0].headers["X-Actor"] == "ada"
    assert "X-Actor" not in server.asked[1].headers


@pytest.mark.parametrize("status", [404, 409, 422])
def test_a_dead_letter_that_stays_parked_is_a_no(status: int) -> None:
    problem = Answer({"title": "no", "detail": "it stays parked"}, status, PROBLEM)
    with CannedServer({"POST /api/dead-letters/7/replay": [problem]}) as server:
        refused(asking(server, "dead-letters", "replay", "7"), 1, "it stays parked")


def test_a_dead_letter_is_replayed() -> None:
    with CannedServer({"POST /api/dead-letters/7/replay": [Answer({"outcome": "applied"})]}) as server:
        done = asking(server, "dead-letters", "replay", "7")
    assert (done.returncode, done.stdout) == (0, "outcome  applied\n")


@pytest.mark.parametrize("show", [lambda out: out, lambda out: "\n".join(row["setting"] for row in json.loads(out))])
def test_the_settings_are_listed(show: Callable[[str], str]) -> None:
    done = farandole("settings", *(["--json"] if show("[]") == "" else []))
    assert "FARANDOLE_PAYMENT_LIMIT" in show(done.stdout)


def test_the_commands_know_the_services_of_the_choreography() -> None:
    assert tuple(Service) == SERVICES
    assert (*SERVICES, "monitor") == SERVERS


@pytest.mark.parametrize("time", ["1970-01-02T00:00:00.000001Z", "1970-01-02T01:00:00.000001+01:00"])
def test_a_time_is_microseconds_in_utc(time: str) -> None:
    assert microseconds(time) == 86_400_000_001
