"""What every command shares: its help, its usage, its settings, and how it ends when nothing answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from farandole import __version__
from farandole.cli.servers import SERVERS, SERVICES, microseconds
from farandole.contract.choreography import Service
from farandole.proof.ground.ports import free_port
from tests.cli.running import ID, SOURCE, asking, farandole, refused
from tests.cli.server import Answer, CannedServer

GROUPS = ["", "order", "stock", "dead-letters"]
COMMANDS = [
    *("up", "demo", "serve", "topics", "migrate", "order place", "order show", "order list", "order watch"),
    *("stock list", "stock receive", "diagram", "dead-letters list", "dead-letters show", "dead-letters replay"),
    *("republish", "settings"),
]


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
