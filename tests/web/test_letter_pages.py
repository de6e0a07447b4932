"""The pages of dead letters: without a script, escaped, from this address only, on one process and at the front door."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from farandole.http.app import application
from farandole.http.dead_letters import dead_letters
from farandole.messaging.kernel_tables import KERNEL, DeadLetter
from farandole.services.order import storage as order_storage
from farandole.services.payment import storage as payment_storage
from farandole.web import letters
from farandole.web.sources import Sources
from tests.http.conftest import Client
from tests.http.test_operations import letter
from tests.support.desk_for_tests import DeskForTests, open_desk

ATTACK = "<script>alert(1)</script>"
CAUSE = "0123456789abcdef"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def order_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("order", tmp_path, {}, order_storage.RELATIONS, order_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def payment_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("payment", tmp_path, {}, payment_storage.RELATIONS, payment_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def client(order_desk: DeskForTests, payment_desk: DeskForTests) -> Client:
    return pages_of(order_desk, {desk.service: inside(desk) for desk in (payment_desk, order_desk)})


def inside(desk: DeskForTests) -> httpx.AsyncClient:
    return behind(httpx.ASGITransport(application(desk.service, dead_letters(desk))))


def behind(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def pages_of(monitor: DeskForTests, branches: dict[str, httpx.AsyncClient]) -> Client:
    return Client(application("Farandole", (), pages=letters.routes(Sources(monitor, branches))))


def post(client: Client, path: str, **fields: str) -> httpx.Response:
    return client.post(path, content=urlencode(fields), headers=FORM)


@pytest.fixture
def parked(order_desk: DeskForTests) -> DeadLetter:
    found = letter(7, f"{ATTACK}\n".encode() + bytes(range(20)))
    order_desk.put(KERNEL.dead_letters, found)
    return found


def test_nothing_parked_is_good_news(client: Client) -> None:
    assert "Nothing is parked." in client.get("/dead-letters").text


def test_letters_are_shown_by_cause_and_one_by_one(
    client: Client, order_desk: DeskForTests, parked: DeadLetter
) -> None:
    order_desk.put(KERNEL.dead_letters, *(letter(place, cause="fedcba9876543210") for place in range(30)))
    shown = client.get("/dead-letters").text
    assert f'href="/dead-letters?cause={CAUSE}"' in shown
    assert '<td class="number">30</td>' in shown
    assert shown.count('<td><a href="/dead-letters/') == letters.PAGE
    older = unescape(re.findall(r'href="([^"]*cursor=[^"]*)"', shown)[0])
    assert client.get(older).text.count('<td><a href="/dead-letters/') == 31 - letters.PAGE
    mine = client.get("/dead-letters", params={"cause": CAUSE}).text
    assert mine.count('<td><a href="/dead-letters/') == 1
    assert client.get("/dead-letters", params={"key": "nobody"}).text.count("No letter like that.") == 1
    assert client.get("/dead-letters", params={"state": "all of them"}).status_code == 422


def test_a_letter_is_shown_escaped_with_its_bytes(client: Client, parked: DeadLetter) -> None:
    shown = client.get(f"/dead-letters/{parked.id}").text
    assert ATTACK not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "000000  3c 73 63 72 69 70 74 3e" in shown
    assert "order.paid, partition 1, offset 7" in shown
    assert "Value, 46 bytes" in shown


def test_a_preview_is_shown_on_the_letter_s_page(client: Client, order_desk: DeskForTests, parked: DeadLetter) -> None:
    path = f"/dead-letters/{parked.id}/preview"
    assert "No row would change" in post(client, path).text
    order_desk.poisoned = True
    assert "expected an order that was placed here" in post(client, path).text


def test_a_letter_is_discarded_by_somebody_for_a_reason_and_its_page_tells(client: Client, parked: DeadLetter) -> None:
    path = f"/dead-letters/{parked.id}"
    assert post(client, f"{path}/discard", actor="ada").status_code == 422
    done = post(client, f"{path}/discard", actor="Zoë", reason=ATTACK)
    assert (done.status_code, done.headers["location"]) == (303, path)
    shown = client.get(path).text
    assert ATTACK not in shown
    assert "Zoë" in shown
    assert "DISCARDED" in shown
    assert "<button>Replay</button>" not in shown
    again = post(client, f"{path}/replay")
    assert again.status_code == 409
    assert "was discarded already" in again.text


def test_letters_of_a_cause_are_discarded_page_by_page(client: Client, order_desk: DeskForTests) -> None:
    order_desk.put(
        KERNEL.dead_letters, *(letter(place) for place in range(letters.SOME + 3)), letter(99, cause="f" * 16)
    )
    first = post(client, "/dead-letters/discards", cause=CAUSE, reason="a test", actor="ada")
    assert first.status_code == 303
    shown = client.get(first.headers["location"]).text
    assert f"<strong>{letters.SOME} discarded</strong>; 3 left." in shown
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.partition("Go on")[0]))
    assert form["actor"] == "ada"
    second = post(client, "/dead-letters/discards", **{name: unescape(value) for name, value in form.items()})
    assert (
        f"<strong>{letters.SOME + 3} discarded</strong>; none left to try."
        in client.get(second.headers["location"]).text
    )
    assert '<td class="number">1</td>' in client.get("/dead-letters").text


def test_those_that_fail_again_are_told(client: Client, order_desk: DeskForTests, parked: DeadLetter) -> None:
    order_desk.poisoned = True
    done = post(client, "/dead-letters/replays", actor="ada")
    shown = client.get(done.headers["location"]).text
    assert "1 failed again" in shown
    assert "the last one: expected an order that was placed here" in shown


@pytest.mark.parametrize(
    ("path", "headers", "content", "status"),
    [
        ("/replay", {"Sec-Fetch-Site": "cross-site"}, b"", 403),
        ("/discard", {"Origin": "https://evil.example"}, b"reason=x", 403),
        ("/preview", {"Sec-Fetch-Site": "same-site"}, b"", 403),
        ("/discard", {}, b"reason=%ff", 400),
        ("/discard", {}, b"reason", 400),
        ("/discard", {}, b"&".join(b"a=b" for _ in range(21)), 400),
        ("/discard", {}, b"reason=" + b"x" * 65_536, 413),
        ("/discard", {"Content-Type": "application/json"}, b"{}", 415),
        ("/discard", {}, b"reason=x&actor=a%0d%0aX-Actor:b", 422),
        ("/discard", {}, b"reason=" + b"x" * 501, 422),
    ],
)
def test_a_form_of_another_site_or_of_nonsense_does_nothing(
    client: Client, parked: DeadLetter, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = client.post(f"/dead-letters/{parked.id}{path}", content=content, headers=FORM | headers)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    shown = client.get(f"/dead-letters/{parked.id}").text
    assert '<strong class="bad">OPEN</strong>' in shown
    assert "Nothing yet." in shown


@pytest.mark.parametrize("path", ["/dead-letters/x", "/dead-letters/0190a0a0-0000-7000-8000-00000000ffff"])
def test_an_unknown_letter_is_a_page_too(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "expected a known dead letter" in answer.text


def test_a_service_that_is_away_is_named_and_the_others_are_shown(order_desk: DeskForTests, parked: DeadLetter) -> None:
    client = pages_of(order_desk, {"payment": behind(httpx.MockTransport(_away)), "order": inside(order_desk)})
    shown = client.get("/dead-letters").text
    assert "payment does not answer" in shown
    assert parked.id in shown
    assert client.get(f"/dead-letters/{parked.id}").status_code == 200


def _away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")
