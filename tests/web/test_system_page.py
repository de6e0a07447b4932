"""The system on one page: what it says is what was recorded, whatever the store holds, and whoever is away."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, topics
from farandole.http.app import application
from farandole.messaging.step import Step
from farandole.monitor import statistics_api
from farandole.monitor.handlers import HANDLERS
from farandole.monitor.statistics import Counted, ended, keep, series
from farandole.monitor.statistics_rows import BINS
from farandole.monitor.storage import RELATIONS, load
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime import settings
from farandole.runtime.embedded import Embedded
from farandole.web import pages
from farandole.web.floor import Node, draw, edges
from farandole.web.sources import Sources
from tests.http.conftest import Client
from tests.support.desk_for_tests import NOON, DeskForTests, open_desk

SVG = "{http://www.w3.org/2000/svg}"
SECOND = NOON // 1_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("monitor", tmp_path, HANDLERS, RELATIONS, load)
    yield desk
    desk.database.close()


def client(desk: DeskForTests, **branches: httpx.AsyncClient) -> Client:
    return Client(application("Farandole", statistics_api.routes(desk), pages=pages.routes(Sources(desk, branches))))


def count(desk: DeskForTests, name: str, seconds_ago: int, taken: int, bins: dict[int, int] | None = None) -> None:
    """Statistics as a monitor adds them."""
    since = SECOND - seconds_ago
    counts = [taken, *((bins or {}).get(place, 0) for place in range(len(BINS)))]
    with desk.database.writing() as transaction:
        keep(transaction, Counted({(since - since % 10, name): counts}, ()), NOON)


def step(words: str) -> Step:
    return next(step for step in CHOREOGRAPHY if step.words == words)


def test_the_floor_has_an_arrow_for_everything_that_is_said_or_heard() -> None:
    drawn = {(edge.service, edge.topic, edge.says) for edge in edges({})}
    said = {(step.service, step.says.topic, True) for step in CHOREOGRAPHY if step.says}
    heard = {(step.service, step.hears.topic, False) for step in CHOREOGRAPHY if step.hears is not COMMAND}
    assert drawn == said | heard
    nodes = {step.service: Node("ready", ("ready", step.service)) for step in CHOREOGRAPHY}
    image = ElementTree.fromstring(draw(nodes, {}, "The <floor>"))
    kinds = [group.get("class", "").split()[0] for group in image.findall(f"{SVG}g")]
    assert [kinds.count("edge"), kinds.count("node"), kinds.count("topic")] == [len(drawn), 4, len(topics())]


def test_several_steps_that_hear_the_same_share_an_arrow() -> None:
    rates = {step("Reserve stock (RESERVED)"): 3.0, step("Insufficient stock"): 0.5}
    found = {(edge.service, edge.topic, edge.says): edge.rate for edge in edges(rates)}
    assert found["inventory", "order.placed", False] == 3.5
    assert found["inventory", "order.validated", True] == 3.0
    assert found["inventory", "order.failed", True] == 0.5


def test_nothing_drawn_is_run(desk: DeskForTests) -> None:
    shown = client(desk).get("/system")
    assert "'unsafe" not in shown.headers["content-security-policy"]
    assert not re.search(r"\son\w+=|\sstyle=|<script>", shown.text)


def test_a_system_at_rest_says_what_to_do_next(desk: DeskForTests) -> None:
    shown = client(desk).get("/system").text
    assert 'href="/#place"' in shown
    assert "nobody has looked yet" in shown


def test_the_page_asks_again_for_the_piece_that_changes(desk: DeskForTests) -> None:
    piece = client(desk).get("/system", headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert 'hx-get="/system" hx-trigger="every 2s"' in piece


def test_figures_are_of_the_last_seconds_and_minutes(desk: DeskForTests) -> None:
    placing = series(step("Save order (PENDING)"))
    count(desk, placing, 10, 40)
    count(desk, placing, 200, 1000)
    count(desk, ended("happy"), 200, 3, {10: 3})
    count(desk, ended("stock-failure"), 200, 1, {10: 1})
    count(desk, ended("happy"), 4000, 500, {31: 500})
    shown = client(desk).get("/system").text
    assert "<dd>4.0/s</dd>" in shown
    assert '<dd class="status COMPLETED">3 <span class="quiet">75.0 %</span>' in shown
    assert '<dd class="status FAILED">1 <span class="quiet">25.0 %</span>' in shown
    assert "<dt>Placed to last step, p50</dt><dd>27 ms</dd>" in shown


def test_statistics_are_curves_of_bounded_length(desk: DeskForTests) -> None:
    count(desk, series(step("Save order (PENDING)")), 3000, 60)
    count(desk, ended("happy"), 3000, 10, {0: 9, 31: 1})
    hour = client(desk).get("/api/statistics").json()
    assert (hour["width"], len(hour["at"])) == (20, 180)
    assert hour["at"] == list(range(hour["at"][0], hour["at"][-1] + 1, 20))
    assert [rate for rate in hour["placed"] if rate] == [3.0]
    place = next(place for place, rate in enumerate(hour["ended"]["happy"]) if rate)
    assert hour["at"][place] <= SECOND - 3000 < hour["at"][place] + 20
    assert hour["latency"]["p50"][place] < 1
    assert hour["latency"]["p99"][place] == pytest.approx(32_768)
    assert hour["latency"]["p50"][place - 1] is None
    assert {len(curve["per_second"]) for curve in hour["steps"]} == {180}
    assert client(desk).get("/api/statistics", params={"minutes": "5"}).json()["width"] == 10
    assert len(client(desk).get("/api/statistics", params={"minutes": "1440"}).json()["at"]) == 180


@pytest.mark.parametrize("minutes", ["0", "1441", "x", "", "-1", "1.5", "99999"])
def test_minutes_that_are_not_kept_are_refused(desk: DeskForTests, minutes: str) -> None:
    assert client(desk).get("/api/statistics", params={"minutes": minutes}).status_code == 422


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Client]:
    with Embedded(settings.load({}), tmp_path / "data") as running:
        yield Client(running.app)


def test_what_happens_is_on_the_page_soon(system: Client) -> None:
    assert system.post("/api/stock/tea/receipts", json={"quantity": 5}).status_code == 201
    wish = {
        "customer": {"id": "ada"},
        "currency": "USD",
        "lines": [{"sku": "tea", "quantity": 2, "unit_price": "1.00"}],
    }
    for _ in range(3):
        assert system.post("/api/orders", json=wish).status_code == 201
    drive_until(_says(system, r'COMPLETED">2 .*FAILED">1 '), pause)
    drive_until(_says(system, r'(<td class="good">ready</td>.*){5}'), pause)
    found = system.get("/api/statistics", params={"minutes": "1440"})
    assert json.loads(found.text)["steps"]
    assert system.get("/system").text.count('href="/orders/') == 3


def _says(system: Client, pattern: str) -> Callable[[], object]:
    return lambda: re.search(pattern, system.get("/system").text, re.DOTALL)
