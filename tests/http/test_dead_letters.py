"""Dead letters over HTTP: looked at, grouped and handled, on one service and through the front door."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from farandole.http.app import application
from farandole.http.dead_letters import dead_letters
from farandole.messaging.kernel_tables import KERNEL, DeadLetter
from farandole.web import branches
from tests.http.conftest import Client, Serve
from tests.http.test_operations import letter
from tests.support.desk_for_tests import DeskForTests

CAUSE = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.fixture(params=["one service", "front door"])
def client(
    request: pytest.FixtureRequest, order_desk: DeskForTests, payment_desk: DeskForTests, serve: Serve
) -> Iterator[Client]:
    """Asks the order service itself, or the door before it and the payment service."""
    if request.param == "one service":
        yield serve(dead_letters(order_desk))
        return
    clients = {}
    for desk in (payment_desk, order_desk):
        inside = httpx.ASGITransport(application(desk.service, dead_letters(desk)))
        clients[desk.service] = httpx.AsyncClient(transport=inside, base_url=f"http://{desk.service}")
    yield serve(branches.routes(clients))


@pytest.fixture
def parked(order_desk: DeskForTests) -> list[DeadLetter]:
    found = [letter(place) for place in range(5)]
    order_desk.put(KERNEL.dead_letters, *found)
    return found


def test_a_letter_is_shown_with_its_bytes_and_its_history(client: Client, parked: list[DeadLetter]) -> None:
    mine = parked[0]
    discarded(client, mine, "ada", "a test")
    found = client.get(f"/api/dead-letters/{mine.id}").json()
    assert (found["letter"]["value_base64"], found["letter"]["state"]) == ("e30=", "DISCARDED")
    assert [{k: a[k] for k in ("actor", "action", "reason")} for a in found["history"]] == [
        {"actor": "ada", "action": "DISCARDED", "reason": "a test"}
    ]


def discarded(client: Client, one: DeadLetter, actor: str | None, reason: str) -> httpx.Response:
    headers = {} if actor is None else {"X-Actor": actor.encode()}
    return client.post(f"/api/dead-letters/{one.id}/discard", json={"reason": reason}, headers=headers)


def test_a_letter_is_discarded_once_and_by_unknown_unless_they_say_who(
    client: Client, parked: list[DeadLetter]
) -> None:
    answers = [discarded(client, parked[1], None, "é") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert client.get(f"/api/dead-letters/{parked[1].id}").json()["history"][0]["actor"] == "unknown"
    assert client.post(f"/api/dead-letters/{parked[1].id}/preview").status_code == 409


@pytest.mark.parametrize(
    ("actor", "body", "status"),
    [
        ("a" * 129, {"reason": "x"}, 422),
        ("a\x7f", {"reason": "x"}, 422),
        ("ada", {"reason": ""}, 422),
        ("ada", {"reason": "x" * 501}, 422),
        ("ada", {"reason": "a\nb"}, 422),
        ("ada", {}, 422),
        ("ada", {"reason": "x", "more": 1}, 422),
    ],
)
def test_who_and_why_must_be_said_in_a_few_printable_words(
    client: Client, parked: list[DeadLetter], actor: str, body: dict[str, Any], status: int
) -> None:
    path = f"/api/dead-letters/{parked[0].id}/discard"
    assert client.post(path, json=body, headers={"X-Actor": actor}).status_code == status
    assert client.get(f"/api/dead-letters/{parked[0].id}").json()["letter"]["state"] == "OPEN"


def test_a_preview_of_a_letter_that_would_fail_again_says_why(
    client: Client, order_desk: DeskForTests, parked: list[DeadLetter]
) -> None:
    path = f"/api/dead-letters/{parked[0].id}/preview"
    assert client.post(path).json() == {"id": parked[0].id, "changes": [], "says": None}
    order_desk.poisoned = True
    answer = client.post(path)
    assert (answer.status_code, answer.json()["detail"]) == (422, "expected an order that was placed here")


@pytest.mark.parametrize("what", ["", "/preview", "/replay", "/discard"])
@pytest.mark.parametrize("letter_id", ["x", "0190a0a0-0000-7000-8000-00000000ffff"])
def test_an_unknown_letter_is_404(client: Client, what: str, letter_id: str) -> None:
    method, body = ("POST", {"reason": "x"}) if what else ("GET", None)
    assert client.request(method, f"/api/dead-letters/{letter_id}{what}", json=body).status_code == 404


def test_open_letters_are_grouped_by_cause(client: Client, order_desk: DeskForTests, parked: list[DeadLetter]) -> None:
    order_desk.put(KERNEL.dead_letters, letter(9, cause=OTHER))
    discarded(client, parked[0], "ada", "a test")
    groups = client.get("/api/dead-letters/groups").json()
    assert not groups["more"]
    told = {group["cause"]: group for group in groups["items"]}
    assert {cause: group["letters"] for cause, group in told.items()} == {CAUSE: 4, OTHER: 1}
    assert told[CAUSE]["error"] == "expected JSON"
    assert told[CAUSE]["service"] == "order"
    assert told[CAUSE]["counted"]


def test_letters_of_a_cause_are_handled_some_a_request(client: Client, order_desk: DeskForTests) -> None:
    order_desk.put(KERNEL.dead_letters, *(letter(place) for place in range(5)), letter(9, cause=OTHER))
    query: dict[str, str] = {"cause": CAUSE, "limit": "2", "reason": "a test"}
    told = []
    for _ in count():
        answer = client.post("/api/dead-letters/discards", params=query, headers={"X-Actor": "ada"}).json()
        told.append((answer["done"], answer["failed"], answer["left"]))
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert told == [(2, 0, 3), (2, 0, 1), (1, 0, 0)]
    left = client.get("/api/dead-letters", params={"state": "OPEN"}).json()["items"]
    assert [one["cause"] for one in left] == [OTHER]


def test_a_replay_of_all_passes_those_that_fail_again_and_says_the_last_error(
    client: Client, order_desk: DeskForTests, parked: list[DeadLetter]
) -> None:
    order_desk.poisoned = True
    first = client.post("/api/dead-letters/replays", params={"limit": "4"}).json()
    assert (first["done"], first["failed"], first["left"]) == (0, 4, 1)
    assert first["error"] == "expected an order that was placed here"
    order_desk.poisoned = False
    query = {"limit": "4", "cursor": first["next_cursor"]}
    second = client.post("/api/dead-letters/replays", params=query).json()
    assert (second["done"], second["failed"], second["next_cursor"]) == (1, 0, None)


def test_several_are_discarded_only_for_a_reason_and_from_a_place_that_was_named(client: Client) -> None:
    assert client.post("/api/dead-letters/discards").status_code == 422
    for cursor in ("x", "", "cGF5bWVudC8"[:-1]):
        answer = client.post("/api/dead-letters/replays", params={"cursor": cursor})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://farandole", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://farandole"}, 200),
        ({}, 200),
    ],
)
def test_no_other_site_has_letters_handled(
    client: Client, parked: list[DeadLetter], headers: dict[str, str], status: int
) -> None:
    one = f"/api/dead-letters/{parked[0].id}"
    discard = client.post(f"{one}/discard", json={"reason": "x"}, headers=headers)
    assert client.post(f"{one}/preview", headers=headers).status_code == (409 if status == 200 else 403)
    assert client.post(f"/api/dead-letters/{parked[1].id}/replay", headers=headers).status_code == status
    for several in ("replays", "discards"):
        answer = client.post(f"/api/dead-letters/{several}", params={"reason": "x"}, headers=headers)
        assert answer.status_code == status
    assert discard.status_code == status


def test_a_service_that_is_away_hides_no_letter_of_the_others(
    order_desk: DeskForTests, serve: Serve, parked: list[DeadLetter]
) -> None:
    inside = httpx.ASGITransport(application("order", dead_letters(order_desk)))
    door = serve(
        branches.routes(
            {
                "payment": httpx.AsyncClient(transport=httpx.MockTransport(away), base_url="http://payment"),
                "order": httpx.AsyncClient(transport=inside, base_url="http://order"),
            }
        )
    )
    assert door.get(f"/api/dead-letters/{parked[0].id}").status_code == 200
    assert door.get("/api/dead-letters/0190a0a0-0000-7000-8000-00000000ffff").status_code == 503


def away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("away", request=request)
