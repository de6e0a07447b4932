"""Whenever a process ends, nothing is lost and nothing is done twice."""

from collections.abc import Callable
from functools import partial

import pytest

from farandole.messaging.kernel_tables import KERNEL
from farandole.runtime.wiring import MONITOR, NAMES
from tests.behaviour.house import House
from tests.behaviour.records import copy_of

SPEAKERS = [name for name in NAMES if name != MONITOR]


ONE_OF_EACH: list[Callable[[House], str]] = [
    House.place,
    partial(House.place, price="10000.01"),
    partial(House.place, sku="nothing"),
]


def _one_of_each(house: House) -> list[str]:
    return [place(house) for place in ONE_OF_EACH]


def _ended(house: House, orders: list[str]) -> None:
    assert [house.status(order_id) for order_id in orders] == ["COMPLETED", "PAYMENT_FAILED", "FAILED"]
    assert (house.stock().available, house.stock().reserved) == (9, 1)
    house.sound()


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_crash_between_commit_and_publish_loses_nothing_and_doubles_nothing(house: House, name: str) -> None:
    house.receive(10)
    house.settle()
    carrier = house.one(name).carrier
    carrier.losing = True
    orders = _one_of_each(house)
    house.drive(lambda: carrier.lost)
    house.restart(name)
    house.clock.advance(11)
    house.settle()

    _ended(house, orders)
    said = [copy_of(record) for record in house.everything()]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_after_publishing_and_before_the_offsets_are_committed_is_harmless(house: House, name: str) -> None:
    house.receive(10)
    carrier = house.one(name).carrier
    carrier.forgetting = True
    orders = _one_of_each(house)
    house.settle()
    assert carrier.forgotten
    house.restart(name)
    house.settle()
    _ended(house, orders)


def test_offsets_lost_by_the_group_are_remembered_by_the_database(house: House) -> None:
    """What was acknowledged when a later batch was decided is not heard again, whatever the group forgot."""
    house.receive(10)
    carrier = house.one("inventory").carrier
    carrier.forgetting = True
    orders = []
    for place in ONE_OF_EACH:
        orders.append(place(house))
        house.settle()
    placed = [row for row in house.rows("inventory", KERNEL.offsets) if row.topic == "order.placed"]
    unsure = sum(row.decided - row.acked for row in placed)
    assert unsure < sum(row.decided for row in placed) == 3
    before = len(house.records("order.validated")) + len(house.records("order.failed"))
    house.restart("inventory")
    house.settle()
    after = len(house.records("order.validated")) + len(house.records("order.failed"))
    assert after - before == unsure
    _ended(house, orders)


def test_the_whole_house_may_crash_at_any_turn(house: House) -> None:
    house.receive(10)
    orders = _one_of_each(house)
    house.drive(lambda: all(order_id in house.replies for order_id in orders))
    for _ in range(4):
        house.turn()
        for name in NAMES:
            house.restart(name)
    house.clock.advance(11)
    house.settle(60)
    _ended(house, orders)


def test_outbox_rows_of_a_dead_instance_are_relayed_when_they_are_ten_seconds_old(house: House) -> None:
    house.receive(10)
    dying = house.one("order")
    dying.carrier.losing = True
    order_id = house.place()
    house.drive(lambda: order_id in house.replies)
    assert dying.carrier.lost == 1
    (row,) = house.rows("order", KERNEL.outbox)
    house.restart("order")

    house.settle()
    house.clock.advance(8)
    house.settle()
    assert house.rows("order", KERNEL.outbox) == [row]
    assert house.status(order_id) == "PENDING"

    house.clock.advance(3)
    house.drive(lambda: house.status(order_id) == "COMPLETED")
    house.settle()
    assert house.rows("order", KERNEL.outbox) == []
    house.sound()


def test_outbox_rows_leave_only_when_they_are_published(house: House) -> None:
    house.receive(10)
    house.one("order").carrier.losing = True
    order_id = house.place()
    house.drive(lambda: order_id in house.replies)
    for _ in range(20):
        house.turn()
        house.clock.advance(1)
    assert len(house.rows("order", KERNEL.outbox)) == 1
    assert house.records("order.placed") == []


def test_a_closed_instance_says_its_last_words_and_the_next_one_hears_nothing_twice(house: House) -> None:
    house.receive(10)
    orders = _one_of_each(house)
    house.settle()
    for name in NAMES:
        (instance,) = house.instances.pop(name)
        instance.consumer.close(5)
        instance.intake.close(5)
        house.start(name)
    house.settle()
    heard = [house.one(name).consumer.around.tally["records"] for name in NAMES]
    assert heard == [0] * len(NAMES)
    _ended(house, orders)


def test_an_order_written_by_a_clock_that_was_ahead_is_relayed_after_ten_seconds_all_the_same(house: House) -> None:
    """Found by simulation: a process that is gone wrote its row in what is the future for those who find it."""
    carrier = house.one("order").carrier
    carrier.losing = True
    house.clock.jump(86_400)
    order_id = house.place(sku="nothing")
    house.drive(lambda: carrier.lost)
    house.clock.jump(-86_400)
    house.restart("order")
    house.settle()
    house.turn()
    assert house.records("order.placed", order_id) == []
    house.clock.advance(11)
    house.drive(lambda: house.records("order.placed", order_id))
    house.settle()
    assert house.status(order_id) == "FAILED"
