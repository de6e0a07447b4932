"""What holds for every sequence of events: a batch equals its events one by one, a duplicate changes nothing, A and Q hold."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farandole.contract.invariants import Finding, findings
from farandole.messaging.batch import Verdict
from farandole.messaging.envelope import Heard, Message
from tests.contract.dances import ALL, Kept, goods, said, wish
from tests.messaging.worlds import World, events_of

PRICES = st.sampled_from(["1.00", "10000.00", "10000.01"])
LINES = st.lists(st.tuples(st.sampled_from(["tea", "milk", "nothing"]), st.integers(1, 3)), min_size=1, max_size=3)
ORDERS = st.lists(st.tuples(PRICES, LINES), min_size=1, max_size=6)
STOCKED = st.tuples(st.integers(0, 6), st.integers(0, 6))
SAGA = ["order", "inventory", "payment", "notification"]


@pytest.mark.parametrize("name", SAGA)
@given(data=st.data(), orders=ORDERS, stocked=STOCKED)
@settings(max_examples=60, deadline=None)
def test_a_batch_equals_its_events_one_by_one(name: str, data: Any, orders: Any, stocked: Any) -> None:
    events = data.draw(st.permutations(events_of(name, orders, stocked)))
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=4))
    together, apart, pieces = Kept(ALL[name]), Kept(ALL[name]), Kept(ALL[name])

    whole = said(together.batch(events))
    single = [word for event in events for word in said(apart.batch([event]))]
    bounds = sorted({0, *cuts, len(events)})
    cut = [w for a, b in pairwise(bounds) for w in said(pieces.batch(events[a:b]))]

    assert whole == single == cut
    assert together.rows == apart.rows == pieces.rows


@pytest.mark.parametrize("name", SAGA)
@given(data=st.data(), orders=ORDERS, stocked=STOCKED)
@settings(max_examples=60, deadline=None)
def test_a_duplicate_changes_nothing_and_is_answered_the_same(name: str, data: Any, orders: Any, stocked: Any) -> None:
    events = events_of(name, orders, stocked)
    once, kept = Kept(ALL[name]), Kept(ALL[name])
    answers = _by_cause(events, said(once.batch(events)))
    later = data.draw(st.lists(st.sampled_from(events), max_size=8)) if events else []
    repeated = _with_duplicates_after(events, later, data)

    first = _by_cause(repeated, said(kept.batch(repeated)))
    assert kept.rows == once.rows
    assert first == answers

    again = [event._replace(at=event.at + 1_000_000) for event in events]
    verdicts = kept.batch(again)
    assert kept.rows == once.rows
    assert not any(verdict.new for verdict in verdicts if isinstance(verdict, Verdict))
    assert _by_cause(again, said(verdicts)) == answers


@given(orders=ORDERS, stocked=STOCKED, seed=st.randoms(use_true_random=False), size=st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_always_a_and_at_rest_q_whatever_the_order_of_events(orders: Any, stocked: Any, seed: Any, size: int) -> None:
    world = World()
    world.stock(stocked)
    for number, (price, lines) in enumerate(orders):
        world.place(number, price, lines)
    while world.step(seed, size):
        assert _violated(world, "A") == []
    assert world.parked == []
    assert _violated(world, "A", "Q", "T") == []


@given(orders=ORDERS, stocked=STOCKED, seed=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_twice_as_many_records_end_in_the_same_rows(orders: Any, stocked: Any, seed: Any) -> None:
    world = World(copies=2)
    world.stock(stocked)
    for number, (price, lines) in enumerate(orders):
        world.place(number, price, lines)
    while world.step(seed, 3):
        assert _violated(world, "A") == []
    assert world.parked == []
    assert _violated(world, "A", "Q", "T") == []


@given(keys=st.lists(st.sampled_from(["a", "b"]), min_size=2, max_size=6))
def test_a_key_gives_one_order_however_often_it_is_used(keys: list[str]) -> None:
    kept = Kept(ALL["order"])
    verdicts = kept.batch([wish(number, key=key) for number, key in enumerate(keys)])
    given_by: dict[str, set[Any]] = {}
    for key, verdict in zip(keys, verdicts, strict=True):
        assert isinstance(verdict, Verdict)
        given_by.setdefault(key, set()).add(verdict.decision.guard.key)
    assert all(len(orders) == 1 for orders in given_by.values())
    assert sum(verdict.new for verdict in verdicts if isinstance(verdict, Verdict)) == len(set(keys))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_goods_received_twice_are_counted_once(quantities: list[int]) -> None:
    kept = Kept(ALL["inventory"])
    receipts = [goods(number, "tea", quantity) for number, quantity in enumerate(quantities)]
    kept.batch([*receipts, *receipts])
    kept.batch(receipts)
    (stock,) = [row for (kind, _), row in kept.rows.items() if kind.__name__ == "Stock"]
    assert (stock.available, stock.reserved) == (sum(quantities), 0)  # type: ignore[attr-defined]


def test_the_worlds_reach_every_flow() -> None:
    """The properties above are about something: their events include every end."""
    orders = [("1.00", [("tea", 1)]), ("10000.01", [("tea", 1)]), ("1.00", [("nothing", 1)])]
    topics = {topic for name in SAGA for event in events_of(name, orders, (2, 0)) if (topic := event.event.topic)}
    assert topics == {
        "order.placed",
        "order.validated",
        "order.paid",
        "order.completed",
        "payment.failed",
        "order.failed",
    }


def _by_cause(events: Sequence[Heard[Any]], words: Sequence[Message | str | None]) -> dict[Any, set[Any]]:
    answers: dict[Any, set[Any]] = {}
    for event, word in zip(events, words, strict=True):
        answers.setdefault((event.cause, type(event.event)), set()).add(word)
    return answers


def _with_duplicates_after(events: list[Heard[Any]], later: list[Heard[Any]], data: Any) -> list[Heard[Any]]:
    """The events in their order, each duplicate somewhere after its original."""
    repeated = list(events)
    for event in later:
        place = data.draw(st.integers(repeated.index(event) + 1, len(repeated)))
        repeated.insert(place, event)
    return repeated


def _violated(world: World, *kinds: str) -> list[Finding]:
    found = [finding for finding in findings(world.facts()) if finding.id[0] in kinds]
    assert all(finding.violations is not None for finding in found)
    return [finding for finding in found if finding.violations]
