"""Whether a commit worked, failed, or was not answered: nothing is said of what is not durable, and nothing is forgotten."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest

from farandole.messaging.decision import Decision
from farandole.messaging.failure import Refused, Transient
from farandole.proof.ground.waiting import drive_until
from farandole.runtime.wiring import MONITOR, NAMES
from tests.behaviour.house import House
from tests.behaviour.records import header
from tests.behaviour.unsure import Fate, Unsure

SPEAKERS = [name for name in NAMES if name != MONITOR]


@contextmanager
def unsure(house: House, name: str, fate: Fate) -> Iterator[Fate]:
    """Within: a service's database is not to be trusted, and its batches are of one record, so that each meets its fate."""
    trusted = house._databases[name]
    house._databases[name] = Unsure(trusted, fate)
    house.restart(name).carrier.most = 1
    yield fate
    house._databases[name] = trusted


def patiently(house: House, until: Callable[[], object]) -> None:
    """Turn while time passes."""

    def turn() -> None:
        house.turn()
        house.clock.advance(1)

    drive_until(until, turn)


def one_of_each(house: House) -> list[str]:
    return [house.place(), house.place(price="10000.01"), house.place(sku="nothing")]


def ended(house: House, orders: list[str]) -> None:
    patiently(house, lambda: house.quiet and all(house.status(o) not in ("unknown", "PENDING") for o in orders))
    assert [house.status(order_id) for order_id in orders] == ["COMPLETED", "PAYMENT_FAILED", "FAILED"]
    assert (house.stock().available, house.stock().reserved) == (9, 1)
    house.sound()


@pytest.mark.parametrize("name", SPEAKERS)
def test_nothing_is_said_of_what_is_not_committed(house: House, name: str) -> None:
    house.receive(10)
    house.settle()
    before = house.everything()
    with unsure(house, name, Fate(failing=10**6)) as fate:
        orders = one_of_each(house)
        patiently(house, lambda: fate.hit > 3)
        mine = [r for r in house.everything() if r not in before and header(r, "ce_source") == f"/farandole/{name}"]
        assert mine == []
        assert name != "order" or not set(orders) & house.replies.keys()
        fate.failing = 0
        ended(house, orders)


@pytest.mark.parametrize("fate", [Fate(unanswered=4), Fate(colliding=4)], ids=["unanswered", "colliding"])
def test_commits_that_are_not_answered_or_collide_park_nothing_and_are_found_again(house: House, fate: Fate) -> None:
    house.receive(10)
    house.settle()
    with ExitStack() as stack:
        fates = [stack.enter_context(unsure(house, name, replace(fate))) for name in NAMES]
        orders = one_of_each(house)
        patiently(house, lambda: not any(each.unanswered or each.colliding for each in fates))
        ended(house, orders)


@pytest.mark.parametrize("commits", [1, 2, 3, 5])
def test_an_outage_of_any_length_parks_nothing(house: House, commits: int) -> None:
    house.receive(10)
    house.settle()
    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(unsure(house, name, Fate(failing=commits)))
        ended(house, one_of_each(house))


@pytest.mark.parametrize(("name", "commits"), list(zip(SPEAKERS, (1, 2, 1, 2), strict=True)))
def test_a_process_may_die_after_any_commit(house: House, name: str, commits: int) -> None:
    house.receive(10)
    house.settle()
    with unsure(house, name, Fate(commits_left=commits)) as fate:
        orders = [house.place(key="a"), house.place(price="10000.01", key="b"), house.place(sku="nothing", key="c")]
        patiently(house, lambda: fate.hit)
    house.restart(name)
    repeated = [house.place(key="a"), house.place(price="10000.01", key="b"), house.place(sku="nothing", key="c")]
    patiently(house, lambda: all(again in house.replies for again in repeated))
    given = [house.replies[again] for again in repeated]
    assert all(isinstance(reply, Decision) for reply in given)
    ended(house, [str(reply.guard.key) for reply in given if isinstance(reply, Decision)])
    assert len(house.statuses()) == len(orders)


def test_a_replay_that_dies_after_its_commit_was_made_and_one_that_dies_before_was_not(house: House) -> None:
    house.receive(10)
    service = house.services["inventory"]

    def unlucky(rows: object, heard: object) -> Decision:
        raise ZeroDivisionError("a bug")

    house.restart("inventory", replace(service, handlers=dict.fromkeys(service.handlers, unlucky)))
    order_id = house.place()
    house.settle()
    (letter,) = house.dead("inventory")
    house.restart("inventory")
    with unsure(house, "inventory", Fate(commits_left=1)), pytest.raises(Transient):
        house.replay("inventory", letter.id)
    house.restart("inventory")
    with suppress(Refused):
        house.replay("inventory", letter.id)
    patiently(house, lambda: house.quiet and house.status(order_id) == "COMPLETED")
    (replayed,) = house.dead("inventory")
    assert replayed.replayed_at is not None
    assert (house.stock().available, house.stock().reserved) == (9, 1)
