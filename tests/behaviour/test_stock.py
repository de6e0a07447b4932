"""Scarce stock is never oversold, and an order gets all or nothing."""

from collections import Counter

from tests.behaviour.house import House


def _sold(house: House, sku: str = "tea") -> Counter[str]:
    assert house.stock(sku).available >= 0
    return Counter(house.statuses().values())


def test_many_orders_in_one_batch_never_oversell(house: House) -> None:
    house.receive(7)
    orders = [house.place() for _ in range(40)]
    house.settle()
    assert _sold(house) == {"COMPLETED": 7, "FAILED": len(orders) - 7}
    assert (house.stock().available, house.stock().reserved) == (0, 7)
    house.sound()


def test_competing_instances_never_oversell(house: House) -> None:
    house.receive(7)
    for name in ("order", "inventory", "payment"):
        house.start(name)
    house.settle()
    for instance in house.instances["inventory"]:
        instance.carrier.most = 3
    for _ in range(40):
        house.place()
    house.settle()
    assert _sold(house) == {"COMPLETED": 7, "FAILED": 33}
    house.sound()


def test_an_instance_that_leaves_hands_its_work_over(house: House) -> None:
    house.receive(7)
    second = house.start("inventory")
    house.settle()
    for _ in range(20):
        house.place()
    house.turn()
    first, _ = house.instances["inventory"]
    house.instances["inventory"] = [second]
    first.carrier.crash()
    house.clock.advance(11)
    house.settle()
    assert _sold(house) == {"COMPLETED": 7, "FAILED": 13}
    house.sound()


def test_stock_given_back_is_sold_again(house: House) -> None:
    house.receive(3)
    first = [house.place(price="10000.01") for _ in range(3)]
    house.settle()
    second = [house.place() for _ in range(3)]
    house.settle()
    assert {house.status(order_id) for order_id in first} == {"PAYMENT_FAILED"}
    assert {house.status(order_id) for order_id in second} == {"COMPLETED"}
    assert (house.stock().available, house.stock().reserved) == (0, 3)
    house.sound()


def test_an_order_takes_all_or_nothing(house: House) -> None:
    house.receive(3)
    too_much, enough = house.place(quantity=4), house.place(quantity=3)
    house.settle()
    assert (house.status(too_much), house.status(enough)) == ("FAILED", "COMPLETED")
    house.sound()


def test_a_failed_order_names_what_was_short(house: House) -> None:
    order_id = house.flows()["stock-failure"]
    (failed,) = house.records("order.failed", order_id)
    assert failed.value is not None
    assert b'"short":["nothing"]' in failed.value
