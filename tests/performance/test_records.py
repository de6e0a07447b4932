"""What an order puts into the topics: as many records as the choreography has steps, and no more bytes than it did."""

from collections import Counter

import pytest

from farandole.messaging.envelope import Record
from tests.behaviour.house import House
from tests.performance.orders import FLOWS, place

# fmt: off
RECORDS = {
    "happy":           {"order.placed": 1, "order.validated": 1, "order.paid": 1, "order.completed": 1, "saga.steps": 1},
    "payment-failure": {"order.placed": 1, "order.validated": 1, "payment.failed": 1, "saga.steps": 3},
    "stock-failure":   {"order.placed": 1, "order.failed": 1, "saga.steps": 2},
}
"""Of one order."""

BYTES = {
    "order.placed":    641,
    "order.validated": 530,
    "order.paid":      442,
    "order.completed": 523,
    "payment.failed":  611,
    "order.failed":    579,
    "saga.steps":      520,
}
"""Key, headers and value of the largest record of a standard order, by topic; 272 to 332 of them are headers."""

ORDERS = {"happy": 2642, "payment-failure": 3314, "stock-failure": 2212}
"""Key, headers and value of all records of a standard order."""
# fmt: on

MANY = 10


@pytest.mark.parametrize("which", FLOWS)
def test_an_order_leaves_one_record_a_step(house: House, which: str) -> None:
    left = Counter(record.topic for record in _records(house, which))
    assert left == {topic: MANY * count for topic, count in RECORDS[which].items()}


@pytest.mark.parametrize("which", FLOWS)
def test_an_order_says_no_more_bytes_than_it_did(workbench: House, which: str) -> None:
    left = _records(workbench, which)
    assert {topic: size for topic, size in _largest(left).items() if size > BYTES[topic]} == {}
    assert MANY <= sum(map(_size, left)) <= MANY * ORDERS[which]


def _records(house: House, which: str) -> list[Record]:
    """The records of many standard orders of a flow."""
    orders = {order.encode() for order in place(house, MANY, which)}
    house.settle()
    return [record for record in house.everything() if record.key in orders]


def _largest(records: list[Record]) -> dict[str, int]:
    sizes = Counter[str]()
    for record in records:
        sizes[record.topic] = max(sizes[record.topic], _size(record))
    return sizes


def _size(record: Record) -> int:
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
