"""One order's page: complete without a script, escaped, live, and honest about what is not known."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import httpx
import msgspec
import pytest

from farandole.contract.choreography import flow
from farandole.http.app import application
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import Message
from farandole.messaging.step import Step
from farandole.monitor import api
from farandole.monitor.domain import Recorded
from farandole.monitor.handlers import HANDLERS
from farandole.monitor.storage import RECORDED, RELATIONS, load
from farandole.monitor.timeline import diagram
from farandole.monitor.usual import FEWEST, NEWEST, usual
from farandole.proof.ground.waiting import PATIENCE, drive_until, pause
from farandole.runtime import settings
from farandole.runtime.embedded import Embedded
from farandole.runtime.worker import Worker
from farandole.web import pages
from farandole.web.dance import awaited
from farandole.web.sources import Sources
from farandole.web.spans import span
from tests.contract.dances import NOON, some_id
from tests.http.conftest import Client
from tests.support.desk_for_tests import DeskForTests, open_desk
from tests.web.dances import STEP, recorded

ORDER = some_id("a")
UNKNOWN = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"
ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("monitor", tmp_path, HANDLERS, RELATIONS, load)
    yield desk
    desk.database.close()


def client(desk: DeskForTests, **branches: httpx.AsyncClient) -> Client:
    """The monitor's own routes and the pages, with these services behind them."""
    return Client(application("Farandole", api.routes(desk), pages=pages.routes(Sources(desk, branches))))


def branch(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://service")


def away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


def keep(desk: DeskForTests, flow: str, count: int = 9) -> list[Recorded]:
    rows = recorded(flow)[:count]
    desk.put(RECORDED, *rows)
    return rows


def test_a_page_shows_the_dance_where_its_time_went_and_every_event(desk: DeskForTests) -> None:
    rows = keep(desk, "payment-failure")
    shown = client(desk).get(f"/orders/{ORDER}").text
    assert "All 6 steps taken, in 66 ms." in shown
    assert len(ElementTree.fromstring(_image(shown)).findall("{http://www.w3.org/2000/svg}g")) == 15
    assert shown.count('<svg class="bar"') == shown.count('<details id="event-') == len(rows)
    assert all(row.event_id in shown for row in rows)
    assert _unescaped(_pre(shown, "mermaid-text")) == diagram(rows)
    timeline = client(desk).get(f"/api/orders/{ORDER}/timeline").json()
    assert json.loads(_unescaped(_pre(shown, "timeline-text"))) == timeline


def test_a_dance_that_is_over_is_not_listened_to(desk: DeskForTests) -> None:
    keep(desk, "happy")
    assert "sse-connect" not in client(desk).get(f"/orders/{ORDER}").text


@pytest.mark.parametrize("count", range(1, 5))
def test_a_page_listens_for_exactly_what_it_does_not_show_yet(desk: DeskForTests, count: int) -> None:
    keep(desk, "happy", count)
    shown = client(desk).get(f"/orders/{ORDER}").text
    assert f"{count} of 5 steps taken." in shown
    (address,) = re.findall(r'sse-connect="([^"]*)"', shown)
    desk.put(RECORDED, *recorded("happy")[count:])
    told = client(desk).get(address).text
    assert re.findall(r"^id: (\d+)$", told, re.MULTILINE) == [str(number) for number in range(count + 1, 6)]
    assert told.endswith("event: end\ndata: {}\n\n")


def test_a_broken_connection_goes_on_where_it_broke(desk: DeskForTests) -> None:
    keep(desk, "happy")
    address = f"/api/orders/{ORDER}/events?after=1"
    told = client(desk).get(address, headers={"Last-Event-ID": "3"}).text
    assert re.findall(r"^id: (\d+)$", told, re.MULTILINE) == ["4", "5"]
    assert client(desk).get(address, headers={"Last-Event-ID": "5"}).status_code == 204


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9999999999"])
def test_what_is_no_number_of_a_step_is_refused(desk: DeskForTests, after: str) -> None:
    keep(desk, "happy")
    assert client(desk).get(f"/api/orders/{ORDER}/events", params={"after": after}).status_code == 422


def test_a_page_that_grows_is_sent_only_what_changes(desk: DeskForTests) -> None:
    keep(desk, "happy", 3)
    answer = client(desk).get(f"/orders/{ORDER}", headers={"HX-Request": "true"})
    piece = answer.text
    assert answer.status_code == 200
    assert "<html" not in piece
    assert "sse-connect" not in piece
    assert 'hx-swap-oob="innerHTML:#progress">3 of 5 steps taken.' in piece
    ElementTree.fromstring(_image(piece))


def test_a_page_that_is_complete_asks_no_more(desk: DeskForTests) -> None:
    keep(desk, "happy")
    assert client(desk).get(f"/orders/{ORDER}", headers={"HX-Request": "true"}).status_code == 286


@pytest.mark.parametrize(("flow", "count", "due"), [("happy", 2, 1), ("payment-failure", 3, 3), ("happy", 5, 0)])
def test_what_could_have_happened_by_now_is_awaited(desk: DeskForTests, flow: str, count: int, due: int) -> None:
    keep(desk, flow, count)
    at = NOON + 60_000_000
    assert [wait.micros for wait in awaited(recorded(flow)[:count], {}, at)] == [at - NOON - (count - 1) * STEP] * due
    assert client(desk).get(f"/orders/{ORDER}").text.count("Awaited for 0.0 ms") == due


def test_nothing_is_usual_before_it_was_measured(desk: DeskForTests) -> None:
    keep(desk, "happy", 2)
    assert "usually" not in client(desk).get(f"/orders/{ORDER}").text


@pytest.mark.parametrize("order_id", [UNKNOWN, "x", f"{UNKNOWN}x", UNKNOWN.upper(), "%3Cscript%3Ealert(1)"])
def test_an_order_that_nobody_knows_has_a_page_that_says_so(desk: DeskForTests, order_id: str) -> None:
    answer = client(desk, order=branch(lambda request: httpx.Response(404))).get(f"/orders/{order_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "No such order" in answer.text
    assert "<script>alert" not in answer.text


def test_a_service_that_is_away_takes_nothing_of_what_others_know(desk: DeskForTests) -> None:
    keep(desk, "happy")
    answer = client(desk, order=branch(away), payment=branch(away)).get(f"/orders/{ORDER}")
    assert answer.status_code == 200
    assert "The order service does not answer" in answer.text
    assert "payment does not answer: whether it parked an event of this order is not known here." in answer.text
    assert "All 5 steps taken" in answer.text


def test_an_order_of_which_nothing_was_heard_shows_what_will_come(desk: DeskForTests) -> None:
    order = {"status": "PENDING", "total": "1.00", "currency": "USD", "customer": {"id": ATTACK}, "placed_at": "now"}
    known = branch(lambda request: httpx.Response(200, json=order | {"items": [], "next_cursor": None, "reason": None}))
    answer = client(desk, order=known).get(f"/orders/{ORDER}")
    assert answer.status_code == 200
    assert "No step of it was heard of yet." in answer.text
    assert _image(answer.text).count('class="arrow expected"') == 14
    assert ATTACK not in answer.text


def _image(shown: str) -> str:
    (image,) = re.findall(r'<svg class="dance".*?</svg>', shown, re.DOTALL)
    return str(image)


def _pre(shown: str, name: str) -> str:
    (text,) = re.findall(rf'<pre id="{name}"[^>]*>(.*?)</pre>', shown, re.DOTALL)
    return str(text)


def _unescaped(text: str) -> str:
    return "".join(ElementTree.fromstring(f"<pre>{text.replace('&#34;', '&quot;')}</pre>").itertext())


class System:
    """The whole system in this process, asked without a network."""

    def __init__(self, running: Embedded) -> None:
        self.running = running
        self.client = Client(running.app)

    def place(self, price: str = "10.00", customer: str = "ada", **headers: str) -> str:
        wish = {
            "customer": {"id": customer, "email": "ada@example.com"},
            "currency": "USD",
            "lines": [{"sku": "tea", "quantity": 1, "unit_price": price}],
        }
        answer = self.client.post("/api/orders", json=wish, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def page(self, order_id: str, until: str) -> str:
        """The order's page as soon as it says so."""
        drive_until(lambda: until in self.client.get(f"/orders/{order_id}").text, pause)
        return self.client.get(f"/orders/{order_id}").text


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with Embedded(settings.load({}), tmp_path / "data") as running:
        system = System(running)
        assert system.client.post("/api/stock/tea/receipts", json={"quantity": 100}).status_code == 201
        yield system


def test_what_a_customer_writes_is_shown_and_never_run(system: System) -> None:
    order_id = system.place(customer=ATTACK)
    shown = system.page(order_id, "All 5 steps taken")
    assert ATTACK not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3
    assert "'unsafe" not in system.client.get(f"/orders/{order_id}").headers["content-security-policy"]
    assert not re.search(r"\son\w+=|\sstyle=|<script>", shown)


def test_what_is_usual_is_told_by_the_newest_orders_alone(desk: DeskForTests) -> None:
    for number in range(FEWEST):
        desk.put(RECORDED, *_slower(f"0190-{number}", 10))
    with_old = asyncio.run(desk.read(usual))
    assert set(with_old.values()) == {10 * STEP}
    desk.put(RECORDED, *(row for number in range(NEWEST // 5) for row in _slower(f"0191-{number}", 2)))
    assert set(asyncio.run(desk.read(usual)).values()) == {2 * STEP}
    keep(desk, "happy", 2)
    shown = client(desk).get(f"/orders/{ORDER}").text
    assert shown.count(f">usually {span(2 * STEP)}<") == 3


def _slower(order: str, times: int) -> list[Recorded]:
    """A dance of its own that took so many times as long."""
    begin, number = order.split("-")
    rows = recorded("happy")
    ids = {row.event_id: some_id(f"{order}/{row.event_id}") for row in rows}
    return [
        msgspec.structs.replace(
            row,
            order_id=f"{begin}a6f0-7d4c-7c3e-9a3b-{int(number):012x}",
            event_id=ids[row.event_id],
            causation=ids.get(row.causation or ""),
            decided_at=rows[0].decided_at + times * (row.decided_at - rows[0].decided_at),
        )
        for row in rows
    ]


def test_what_is_usual_is_measured_on_the_newest_orders(system: System) -> None:
    for _ in range(3):
        system.page(system.place(), "All 5 steps taken")
    monitor = system.running.workers["monitor"]
    found = asyncio.run(_read(monitor, usual))
    assert {step.words for step in found} == {step.words for step in flow("happy")[1:]}
    assert all(0 <= micros < PATIENCE * 1e6 for micros in found.values())


async def _read(monitor: Worker, reader: Callable[[Transaction], Mapping[Step, int]]) -> Mapping[Step, int]:
    return await monitor.read(reader)


def test_an_order_with_a_parked_event_says_so(system: System) -> None:
    order_id = system.place()
    assert "Parked at" not in system.page(order_id, "All 5 steps taken")
    system.running.transport.publisher("a stranger").publish([Message("order.validated", order_id, b"{", ())])
    shown = system.page(order_id, "Parked at payment")
    (letter,) = [
        letter
        for letter in system.client.get("/api/dead-letters", params={"key": order_id}).json()["items"]
        if letter["service"] == "payment"
    ]
    assert f'href="/dead-letters/{letter["id"]}"' in shown
    reason = {"reason": "nobody meant it"}
    done = system.client.post(f"/api/dead-letters/{letter['id']}/discard", json=reason)
    assert done.status_code == 200, done.text
    again = system.client.get(f"/orders/{order_id}").text
    assert "Parked at payment" not in again
    assert "Was parked at payment and then discarded" in again
    assert "Parked at" not in system.page(system.place(), "All 5 steps taken")
