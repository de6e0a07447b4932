"""A dead letter is looked at, previewed, replayed or discarded by somebody for a reason, each time recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs
from uuid_utils import uuid7

from farandole.contract import events
from farandole.http import letters
from farandole.messaging.causes import cause, common, subject
from farandole.messaging.dead_letters import By, sort
from farandole.messaging.decision import Decision, Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.kernel_tables import KERNEL, OPEN, REPLAYED, UNSORTED, Action, DeadLetter
from farandole.services.inventory.domain import Stock
from tests.behaviour.house import House
from tests.behaviour.records import copy_of

ADA = By("ada", "the bug is gone")


Spoil = Callable[[Decision], Decision]


class Bugs(list[Spoil]):
    """What is wrong with the inventory now: nothing while it is empty."""


@pytest.fixture
def bugs(house: House) -> Bugs:
    found = Bugs()
    service = house.services["inventory"]
    honest = service.handlers[events.OrderPlaced]

    def buggy(rows: Rows, heard: Heard[Any]) -> Decision:
        decision = honest(rows, heard)
        return found[0](decision) if found else decision

    house.restart("inventory", replace(service, handlers={**service.handlers, events.OrderPlaced: buggy}))
    return found


@pytest.fixture
def letter(house: House, bugs: Bugs) -> DeadLetter:
    """An honest order that a bug of the inventory parked; the bug is gone."""
    house.receive(10)
    bugs.append(divide)
    house.place()
    house.settle()
    bugs.clear()
    (found,) = house.dead("inventory")
    return found


def divide(decision: Decision) -> Decision:
    cause = decision.guard.cause.id
    raise ZeroDivisionError(f"{cause} by 0, not by 1")


def indebt(decision: Decision) -> Decision:
    return decision._replace(rows=(*decision.rows, Stock("debt", -1, 0)))


def history(house: House) -> list[Action]:
    return house.rows("inventory", KERNEL.actions)


def test_a_preview_says_what_a_replay_would_do_and_changes_nothing(house: House, letter: DeadLetter) -> None:
    rows, said = house.everything_in("inventory"), house.everything()
    assert len(rows["dead_letters"]) == 1
    foreseen = house.preview("inventory", letter.id)
    house.settle()
    assert house.everything_in("inventory") == rows
    assert house.everything() == said

    assert foreseen.says is not None
    assert foreseen.says.topic == "order.validated"
    stock = next(change for change in foreseen.changes if change.table == "stock")
    assert stock.before == {"sku": "tea", "available": 10, "reserved": 0}
    assert stock.after == {"sku": "tea", "available": 9, "reserved": 1}
    held = next(change for change in foreseen.changes if change.table == "reservations")
    assert (held.before, held.after["outcome"]) == (None, "RESERVED")

    house.replay("inventory", letter.id, ADA)
    house.settle()
    (validated,) = house.records("order.validated", letter.subject)
    told = msgspec.json.decode(copy_of(validated).value)
    assert told == msgspec.json.decode(foreseen.says.value)
    assert house.stock() == Stock("tea", 9, 1)
    house.settle()
    assert [finding for finding in house.findings() if finding.violations != 0] == []


@pytest.mark.parametrize(("bug", "why"), [(divide, "ZeroDivisionError"), (indebt, "the database refuses it")])
def test_a_preview_says_why_a_replay_would_fail_again_and_changes_nothing(
    house: House, letter: DeadLetter, bugs: Bugs, bug: Spoil, why: str
) -> None:
    bugs.append(bug)
    rows = house.everything_in("inventory")
    with pytest.raises(Poison, match=why):
        house.preview("inventory", letter.id)
    assert house.everything_in("inventory") == rows
    with pytest.raises(Poison, match=why):
        house.replay("inventory", letter.id)
    assert [action.action for action in history(house)] == ["FAILED"]
    assert house.dead("inventory") == [letter]


def test_whoever_handles_a_letter_is_recorded_with_the_reason_and_the_outcome(
    house: House, letter: DeadLetter, bugs: Bugs
) -> None:
    bugs.append(divide)
    with pytest.raises(Poison, match="ZeroDivisionError"):
        house.replay("inventory", letter.id, By("bob", "perhaps it works now"))
    bugs.clear()
    outcome = house.replay("inventory", letter.id, ADA)
    with pytest.raises(Refused, match="replayed already"):
        house.replay("inventory", letter.id, By("eve"))
    with pytest.raises(Refused, match="replayed already"):
        house.preview("inventory", letter.id)

    first, second = history(house)
    assert (first.number, first.actor, first.action, first.reason) == (1, "bob", "FAILED", "perhaps it works now")
    assert "ZeroDivisionError" in first.outcome
    assert (
        second[1:]
        if isinstance(second, tuple)
        else second == Action(letter.id, 2, second.at, "ada", "REPLAYED", "the bug is gone", outcome)
    )
    (now,) = house.dead("inventory")
    assert (now.state, now.outcome) == ("REPLAYED", outcome)


def test_whatever_is_done_with_a_letter_is_one_line_in_the_log(house: House, letter: DeadLetter, bugs: Bugs) -> None:
    with capture_logs() as said:
        bugs.append(divide)
        with pytest.raises(Poison):
            house.replay("inventory", letter.id, By("bob", "perhaps it works now"))
        bugs.clear()
        house.replay("inventory", letter.id, ADA)
        with pytest.raises(Refused):
            house.discard("inventory", letter.id, ADA)
    lines = [line for line in said if line["event"] == "dead letter handled"]
    assert [(line["action"], line["actor"], line["reason"]) for line in lines] == [
        ("FAILED", "bob", "perhaps it works now"),
        ("REPLAYED", "ada", "the bug is gone"),
    ]
    assert "ZeroDivisionError" in lines[0]["outcome"]
    for line in lines:
        assert (line["service"], line["dead_letter"], line["order_id"]) == ("inventory", letter.id, letter.subject)
        assert line["event_id"]


def test_a_discarded_letter_is_kept_and_nobody_replays_it(house: House, letter: DeadLetter) -> None:
    with capture_logs() as said:
        house.discard("inventory", letter.id, By("ada", "a test order"))
    (line,) = said
    assert (line["action"], line["actor"], line["reason"]) == ("DISCARDED", "ada", "a test order")
    (kept,) = house.dead("inventory")
    assert kept == msgspec.structs.replace(letter, state="DISCARDED", outcome="a test order")
    for act in (house.replay, house.preview):
        with pytest.raises(Refused, match="discarded already: a test order"):
            act("inventory", letter.id)
    with pytest.raises(Refused, match="discarded already"):
        house.discard("inventory", letter.id, ADA)
    (action,) = history(house)
    assert (action.actor, action.action, action.reason) == ("ada", "DISCARDED", "a test order")
    with pytest.raises(KeyError):
        house.discard("inventory", str(uuid7()), ADA)


def test_a_discarded_record_heard_again_is_not_parked_anew(house: House, letter: DeadLetter) -> None:
    house.discard("inventory", letter.id, ADA)
    house.one("inventory").carrier.forgetting = True
    house.restart("inventory")
    house.settle()
    assert [found.state for found in house.dead("inventory")] == ["DISCARDED"]


def test_letters_are_grouped_by_cause_and_found_by_their_order(house: House, bugs: Bugs) -> None:
    house.receive(10)
    bugs.append(divide)
    orders = [house.place() for _ in range(5)]
    house.settle()
    house.say(*(copy_of(house.records("order.placed", orders[0])[0])._replace(value=b"{") for _ in range(2)))
    house.settle()
    found = house.read("inventory", lambda transaction: letters.groups(transaction, "inventory"))
    assert sorted((group.letters, group.counted, group.topic) for group in found.items) == [
        (2, True, "order.placed"),
        (5, True, "order.placed"),
    ]
    assert not found.more
    bug = next(group for group in found.items if group.letters == 5)
    assert bug.error == "ZeroDivisionError while deciding …: … by N, not by N"
    wanted = letters.Wanted(subject=orders[0])
    mine, more = house.read("inventory", lambda transaction: letters.page(transaction, wanted, None, 10))
    assert (len(mine), more) == (3, False)
    assert {found.subject for found in mine} == {orders[0]}
    house.discard("inventory", bug.example, ADA)
    again = house.read("inventory", lambda transaction: letters.groups(transaction, "inventory"))
    assert {group.cause: group.letters for group in again.items}[bug.cause] == 4


def test_letters_that_an_older_version_parked_or_replayed_are_sorted(house: House, letter: DeadLetter) -> None:
    parked = msgspec.structs.replace(letter, subject=None, cause=UNSORTED)
    long = msgspec.structs.replace(letter, subject=None, record_key=b"x" * 65)
    for older, ours in (
        (parked, letter),
        (msgspec.structs.replace(long, cause=UNSORTED), long),
        (replayed(parked), replayed(letter, REPLAYED)),
        (replayed(letter), replayed(letter, REPLAYED)),
    ):
        house.write("inventory", KERNEL.dead_letters, older)
        read, written = sorting(house)
        assert not [name for name in ("record_value", "headers") if name in read + written]
        assert house.dead("inventory") == [ours]
        assert len(sorting(house)) == 1
        assert house.dead("inventory") == [ours]


def replayed(letter: DeadLetter, state: str = OPEN) -> DeadLetter:
    """As an older version leaves it, which knows no state."""
    return msgspec.structs.replace(letter, replayed_at=letter.parked_at + 1, outcome="decided", state=state)


def sorting(house: House) -> list[str]:
    """The statements of the inventory's sorting."""
    said: list[str] = []
    with house.one("inventory").database.writing() as transaction:
        sa.event.listen(transaction.connection, "before_cursor_execute", lambda *about: said.append(about[2]))
        sort(transaction, "inventory")
    return said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected a UUID in ce_id, found 'seven'", "expected a UUID in ce_id, found 'a\\'b'"),
        ("expected at most 262144 bytes, found 300000", "expected at most 262144 bytes, found 9"),
        (
            "x for 019a210f-c450-7018-91f8-dd3de140d35f: found 0123456789abcdef",
            "x for 019a210f-c450-7018-91f8-dd3e6f89395f: found fedcba9876543210",
        ),
        ("expected the header ce_id, found ['a', 'b']", "expected the header ce_id, found ['ce_type']"),
        ('found "it\'s"', "found 'so'"),
        ("found 'cut", "found 'whole'"),
    ],
)
def test_what_differs_from_record_to_record_makes_no_other_cause(one: str, other: str) -> None:
    assert cause("order", "order.paid", one) == cause("order", "order.paid", other)
    assert cause("order", "order.paid", one) != cause("payment", "order.paid", one)


def test_the_name_of_a_broken_rule_makes_another_cause() -> None:
    errors = ('violates check constraint "stock_check"', 'violates check constraint "no_luck"')
    assert len({common(error) for error in errors}) == 2


def test_only_short_text_is_a_subject() -> None:
    assert [subject(key) for key in (b"order", b"x" * 64, b"x" * 65, b"\xff", b"a\x00", None)] == [
        "order",
        "x" * 64,
        None,
        None,
        None,
        None,
    ]
