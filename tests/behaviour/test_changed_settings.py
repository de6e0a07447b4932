"""What was said once is said again as it was, whatever the settings are by then."""

from collections.abc import Iterator
from functools import partial

import pytest

from farandole.messaging.database import Transaction
from farandole.messaging.envelope import Message
from farandole.messaging.service import Service
from farandole.runtime.settings import load
from farandole.runtime.wiring import services
from farandole.services.payment.again import again
from tests.behaviour.house import House
from tests.behaviour.records import copy_of


def payment(limit: str) -> Service:
    return services(load({"FARANDOLE_PAYMENT_LIMIT": limit}))["payment"]


@pytest.mark.parametrize(
    ("first", "then", "status"), [("5.00", "500.00", "PAYMENT_FAILED"), ("500.00", "5.00", "COMPLETED")]
)
def test_a_payment_heard_of_again_is_answered_as_it_was(house: House, first: str, then: str, status: str) -> None:
    house.receive(10)
    house.restart("payment", payment(first))
    order_id = house.place()
    house.settle()
    assert house.status(order_id) == status
    said = {copy_of(record) for record in house.everything() if record.key == order_id.encode()}

    house.restart("payment", payment(then))
    house.say_again(*house.records("order.validated", order_id))
    house.settle()

    assert {copy_of(record) for record in house.everything() if record.key == order_id.encode()} == said
    assert house.status(order_id) == status
    assert {message in said for message in house.read("payment", partial(_rendered, payment(then), order_id))} == {True}
    house.sound()


def _rendered(service: Service, order_id: str, transaction: Transaction) -> list[Message]:
    answers: Iterator[Message | None] = (service.answer(*one) for one in again(transaction, [order_id]))
    return [message for message in answers if message]
