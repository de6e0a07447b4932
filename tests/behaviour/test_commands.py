"""An order is acknowledged when it is durable; a key gives one order, however often it is used."""

from farandole.messaging.decision import Decision
from farandole.messaging.failure import Refused
from farandole.services.order.domain import Order
from tests.behaviour.house import House


def _given(house: House, wish: str) -> Order:
    reply = house.replies[wish]
    assert isinstance(reply, Decision)
    assert isinstance(reply.guard, Order)
    return reply.guard


def test_twins_in_one_batch_give_one_order(house: House) -> None:
    house.receive(10)
    twins = [house.place(key="once") for _ in range(3)]
    house.settle()
    assert {_given(house, wish).order_id for wish in twins} == {twins[0]}
    assert house.statuses() == {twins[0]: "COMPLETED"}
    assert len(house.records("order.placed")) == 1
    house.sound()


def test_twins_in_two_batches_give_one_order(house: House) -> None:
    house.receive(10)
    first = house.place(key="once")
    house.settle()
    second = house.place(key="once")
    house.settle()
    assert _given(house, second) == _given(house, first)
    assert house.statuses() == {first: "COMPLETED"}
    assert len(house.records("order.placed")) == 1
    house.sound()


def test_twins_over_two_instances_give_one_order(house: House) -> None:
    house.receive(10)
    first = house.place(key="once")
    house.instances["order"].insert(0, house.start("order"))
    house.instances["order"].pop()
    second = house.place(key="once")
    house.settle()
    assert _given(house, second).order_id == _given(house, first).order_id
    assert len(house.statuses()) == len(house.records("order.placed")) == 1
    house.sound()


def test_a_used_key_with_another_order_is_refused(house: House) -> None:
    house.receive(10)
    first, other = house.place(key="once"), house.place(key="once", quantity=2)
    house.settle()
    later = house.place(key="once", price="11.00")
    house.settle()
    assert [type(house.replies[wish]) for wish in (first, other, later)] == [Decision, Refused, Refused]
    assert house.statuses().keys() == {first}
    house.sound()


def test_the_same_order_without_a_key_is_another_order(house: House) -> None:
    house.receive(10)
    orders = {house.place(), house.place()}
    house.settle()
    assert house.statuses() == dict.fromkeys(orders, "COMPLETED")
    house.sound()


def test_goods_that_arrive_together_are_counted_one_by_one(house: House) -> None:
    for quantity in (1, 2, 3):
        house.receive(quantity)
    assert house.stock().available == 6
