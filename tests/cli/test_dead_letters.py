"""The commands about dead letters: what they ask, what they print, and how they end."""

import json

import pytest

from tests.cli.running import ID, asking, refused
from tests.cli.server import PROBLEM, Answer, CannedServer

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
