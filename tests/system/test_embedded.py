"""The embedded system as a process: killed, told to end, started wrongly, and asked by many customers at once."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from farandole.proof.ground.cluster import Embedded, farandole
from farandole.proof.ground.waiting import drive_until, pause
from tests.support.customers import receive, wish

ENDS = {"happy": "COMPLETED", "payment-failure": "PAYMENT_FAILED", "stock-failure": "FAILED"}
UNKNOWN = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Embedded]:
    """A system that a test may kill."""
    with Embedded(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A system with goods, for tests that leave it as they found it but for a few orders."""
    with Embedded(tmp_path_factory.mktemp("shared")) as running:
        receive(running.url)
        yield running


def flow_of(number: int) -> str:
    return list(ENDS)[number % 3]


def place(url: str, flow: str = "happy", **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/api/orders", json=wish(flow), headers=headers, timeout=40)


async def under_load(url: str, first: int, stop: Callable[[int], bool]) -> dict[str, str]:
    """Acknowledged ids by key of twelve customers who go on until told, or until nobody answers."""
    acknowledged: dict[str, str] = {}
    numbers = iter(range(first, first + 10_000))

    async def customer(client: httpx.AsyncClient) -> None:
        for number in numbers:
            headers = {"Idempotency-Key": f"load-{number}"}
            try:
                answer = await client.post("/api/orders", json=wish(flow_of(number)), headers=headers)
            except httpx.HTTPError:
                return
            if answer.status_code == 201:
                acknowledged[f"load-{number}"] = answer.json()["id"]
            else:
                assert answer.status_code == 503, answer.text
                return
            if stop(len(acknowledged)):
                return

    async with httpx.AsyncClient(base_url=url, timeout=15) as client:
        await asyncio.gather(*(customer(client) for _ in range(12)))
    return acknowledged


def all_orders(url: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = httpx.get(f"{url}/api/orders", params=query).json()
        found |= {order["id"]: order for order in page["items"]}
        cursor = page["next_cursor"]
    return found


def no_violations(url: str) -> bool:
    answer = httpx.get(f"{url}/api/invariants", timeout=30)
    return answer.status_code == 200 and {one["violations"] for one in answer.json()} <= {0, None}


def nothing_pending(url: str) -> bool:
    answer = httpx.get(f"{url}/api/orders", params={"status": "PENDING", "limit": "1"})
    return answer.status_code == 200 and answer.json()["items"] == []


def timeline_over(url: str, order_id: str) -> bool:
    answer = httpx.get(f"{url}/api/orders/{order_id}/timeline")
    return answer.status_code == 200 and answer.json()["expected"] == []


def stream(url: str, order_id: str, after: str | None = None) -> tuple[int, list[dict[str, str]]]:
    """Status and the Server-Sent Events of an order, to the end of the stream."""
    headers = {"Last-Event-ID": after} if after else {}
    answer = httpx.get(f"{url}/api/orders/{order_id}/events", headers=headers, timeout=20)
    blocks = [block for block in answer.text.split("\n\n") if block and not block.startswith(":")]
    return answer.status_code, [dict(line.split(": ", 1) for line in b.split("\n")) for b in blocks]


def but_for_repeats(seen: list[dict[str, str]]) -> list[tuple[str, dict[str, object]]]:
    """Name and data of each event: a process that was killed may publish what it published before once more."""
    return [(event["event"], {k: v for k, v in json.loads(event["data"]).items() if k != "repeats"}) for event in seen]


def test_every_acknowledged_order_survives_kill_nine_under_load_and_ends_as_it_should(up: Embedded) -> None:
    receive(up.url)
    acknowledged: dict[str, str] = {}
    for most in (60, 150):

        def kill_at(count: int, most: int = most) -> bool:
            if count >= most and up.process.poll() is None:
                up.process.kill()
            return count >= most

        acknowledged |= asyncio.run(under_load(up.url, len(acknowledged) * 100, kill_at))
        up.kill()
        up.start()
    drive_until(lambda: nothing_pending(up.url), pause)
    orders = all_orders(up.url)
    assert set(acknowledged.values()) <= orders.keys()
    for key, order_id in acknowledged.items():
        assert orders[order_id]["status"] == ENDS[flow_of(int(key.removeprefix("load-")))]
    for key in list(acknowledged)[::40]:
        again = place(up.url, flow_of(int(key.removeprefix("load-"))), **{"Idempotency-Key": key})
        assert (again.status_code, again.json()["id"]) == (201, acknowledged[key])
    drive_until(lambda: all(timeline_over(up.url, i) for i in list(acknowledged.values())[-12:]), pause)
    drive_until(lambda: no_violations(up.url), pause)
    assert httpx.get(f"{up.url}/api/dead-letters").json()["items"] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.proof)])
def test_a_signal_under_load_ends_it_with_exit_code_zero(up: Embedded, number: signal.Signals) -> None:
    receive(up.url)
    told: list[int] = []

    def tell_at(count: int) -> bool:
        if count >= 40 and not told:
            told.append(count)
            up.process.send_signal(number)
        return False

    acknowledged = asyncio.run(under_load(up.url, 0, tell_at))
    assert up.over() == 0
    up.start()
    assert set(acknowledged.values()) <= all_orders(up.url).keys()
    drive_until(lambda: nothing_pending(up.url), pause)


def test_a_signal_ends_it_while_customers_wait_and_watch(up: Embedded) -> None:
    order_id = place(up.url).json()["id"]
    drive_until(lambda: timeline_over(up.url, order_id), pause)

    def wait(_: int) -> int:
        try:
            return place(up.url, Prefer="wait=30").status_code
        except httpx.HTTPError:
            return 0

    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(wait, range(5))
        drive_until(lambda: len(all_orders(up.url)) > 1, pause)
        up.process.send_signal(signal.SIGTERM)
        assert up.over() == 0
        assert set(answers) <= {0, 201, 503}


def test_a_folder_has_one_user(shared: Embedded) -> None:
    second = farandole("up", "--port", "0", "--data", str(shared.folder))
    assert (second.returncode, second.stdout, len(second.stderr.splitlines())) == (2, "", 1)
    assert "in use" in second.stderr
    assert place(shared.url, Prefer="wait=20").json()["status"] == "COMPLETED"


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = farandole("up", "--port", str(port), "--data", str(tmp_path / "data"))
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert str(port) in refused.stderr


@pytest.mark.parametrize("nonsense", ["below a file", "no database", "locked away"])
def test_a_nonsense_folder_is_one_line(tmp_path: Path, nonsense: str) -> None:
    folder = tmp_path / "data"
    if nonsense == "below a file":
        folder.write_text("a file")
        folder /= "data"
    elif nonsense == "no database":
        folder.mkdir()
        (folder / "order.db").write_bytes(b"this is no database, and long enough to be read as one" * 40)
    else:
        (folder / "order.db").mkdir(parents=True)
    refused = farandole("up", "--port", "0", "--data", str(folder))
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1), refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("FARANDOLE_PAYMENT_LIMT", "5", "FARANDOLE_PAYMENT_LIMIT"),
        ("FARANDOLE_PORT", "many", "port"),
        ("FARANDOLE_PORT", "65536", "port"),
        ("FARANDOLE_PAYMENT_LIMIT", "NaN", "limit"),
        ("FARANDOLE_CONFIG", "/nowhere/farandole.toml", "/nowhere/farandole.toml"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, name: str, value: str, named: str) -> None:
    refused = farandole("up", "--data", str(tmp_path), env={name: value})
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert named.lower() in refused.stderr.lower()


def test_twins_with_one_key_give_one_order(shared: Embedded) -> None:
    async def twins() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=shared.url, timeout=20) as client:
            headers = {"Idempotency-Key": "twin"}
            return await asyncio.gather(
                *(client.post("/api/orders", json=wish("happy"), headers=headers) for _ in range(20))
            )

    before = len(all_orders(shared.url))
    answers = asyncio.run(twins())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(all_orders(shared.url)) == before + 1
    other = place(shared.url, "stock-failure", **{"Idempotency-Key": "twin"})
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")


def test_an_order_that_is_waited_for_has_ended(shared: Embedded) -> None:
    for flow, status in ENDS.items():
        answer = place(shared.url, flow, Prefer="wait=20")
        assert (answer.status_code, answer.json()["status"]) == (201, status)
        assert answer.headers["Preference-Applied"] == "wait=20"
        assert answer.headers["Location"] == f"/api/orders/{answer.json()['id']}"
        assert (answer.json()["reason"] is None) == (status == "COMPLETED")
    assert "Preference-Applied" not in place(shared.url, Prefer="wait=soon").headers


def test_an_order_is_watched_resumed_and_over(up: Embedded) -> None:
    receive(up.url)
    order_id = place(up.url).json()["id"]
    drive_until(lambda: timeline_over(up.url, order_id), pause)
    status, seen = stream(up.url, order_id)
    assert (status, seen[-1]["event"]) == (200, "end")
    steps = seen[:-1]
    assert {step["event"] for step in steps} == {"step"}
    assert [step["id"] for step in steps] == [str(n) for n in range(1, len(steps) + 1)]
    timeline = httpx.get(f"{up.url}/api/orders/{order_id}/timeline").json()["steps"]
    assert sorted(json.loads(step["data"])["step"] for step in steps) == sorted(step["step"] for step in timeline)
    assert stream(up.url, order_id, steps[1]["id"]) == (200, seen[2:])
    assert stream(up.url, order_id, steps[-1]["id"])[0] == 204
    for hostile in ("-1", "x", "1e9", "9" * 400, "\u00b2"):
        answer = httpx.get(f"{up.url}/api/orders/{order_id}/events", headers={b"Last-Event-ID": hostile.encode()})
        assert answer.status_code in (200, 204)
    up.kill()
    up.start()
    status, again = stream(up.url, order_id)
    assert (status, but_for_repeats(again)) == (200, but_for_repeats(seen))


def test_what_the_monitor_has_not_heard_of_may_be_asked_again(shared: Embedded) -> None:
    for name in ("timeline", "diagram", "events"):
        answer = httpx.get(f"{shared.url}/api/orders/{UNKNOWN}/{name}")
        assert (answer.status_code, answer.headers["Retry-After"]) == (404, "1")
        assert answer.headers["content-type"] == "application/problem+json"
