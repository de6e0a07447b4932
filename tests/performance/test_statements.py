"""A batch is one transaction with a fixed number of statements: three hundred orders cost as many as one."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from farandole.contract.choreography import COMMAND, flow
from farandole.proof.ground.waiting import drive_until
from farandole.runtime.wiring import MONITOR
from tests.behaviour.house import House
from tests.performance.meters import Asked, asked
from tests.performance.orders import FLOWS, accepted, place


class Cost(NamedTuple):
    """The most a batch of any size may ask; `few` and `many` are waits for PostgreSQL, the commit's among them, of a
    batch of ten at most and of hundreds, whose rows go in by COPY."""

    transactions: int
    statements: int
    few: int
    many: int


# fmt: off
COSTS = {
    "order: intake":                 Cost(transactions=2, statements=6, few=4, many=10),  # the second removes outbox rows
    "inventory: order.placed":       Cost(transactions=1, statements=5, few=3, many=5),
    "payment: order.validated":      Cost(transactions=1, statements=3, few=2, many=4),
    "order: order.paid":             Cost(transactions=1, statements=4, few=3, many=5),
    "notification: order.completed": Cost(transactions=1, statements=4, few=2, many=6),
    "inventory: payment.failed":     Cost(transactions=1, statements=6, few=4, many=6),
    "order: payment.failed":         Cost(transactions=1, statements=4, few=3, many=5),
    "notification: payment.failed":  Cost(transactions=1, statements=4, few=2, many=6),
    "order: order.failed":           Cost(transactions=1, statements=4, few=3, many=5),
    "notification: order.failed":    Cost(transactions=1, statements=4, few=2, many=6),
    "monitor: one topic":            Cost(transactions=1, statements=4, few=2, many=6),  # the ledger's entries among them
    # of everything at once
    "inventory":                     Cost(transactions=1, statements=7, few=4, many=7),
    "order":                         Cost(transactions=1, statements=4, few=3, many=5),
    "notification":                  Cost(transactions=1, statements=4, few=2, many=6),
    "monitor":                       Cost(transactions=1, statements=4, few=2, many=6),
}
# fmt: on

PREPARED = 7
"""Batches after which every statement is prepared, whoever prepares it; that may cost a trip, once a connection."""


@pytest.mark.parametrize("which", FLOWS)
def test_three_hundred_orders_cost_as_many_statements_as_one(workbench: House, which: str) -> None:
    for _ in range(PREPARED):
        _dance(workbench, which, 1)
    one, ten, many = (_dance(workbench, which, count) for count in (1, 10, 300))
    assert _counts(one) == _counts(ten) == _counts(many)
    assert _dear(one, 1) == _dear(ten, 10) == _dear(many, 300) == []


def test_a_batch_of_everything_costs_as_many_statements_whatever_its_size(workbench: House) -> None:
    for _ in range(PREPARED):
        _mix(workbench, 1)
    few, many = (_mix(workbench, count) for count in (1, 50))
    assert _counts(few) == _counts(many)
    assert _dear(few, 1) == _dear(many, 50) == []


def _counts(spent: list[tuple[str, Asked]]) -> list[tuple[str, int, int]]:
    """What must not depend on a batch's size; few rows may well travel in another way than many."""
    return [(what, each.transactions, each.statements) for what, each in spent]


def _dear(spent: list[tuple[str, Asked]], count: int) -> list[tuple[str, Asked]]:
    """What a batch of so many orders asked beyond its cost; a meter that heard nothing is broken."""
    return [(what, each) for what, each in spent if not _affordable(COSTS[what], each, count)]


def _affordable(most: Cost, spent: Asked, count: int) -> bool:
    return (
        1 <= spent.transactions <= most.transactions
        and 1 <= spent.statements <= most.statements
        and spent.trips <= (most.few if count <= 10 else most.many)
    )


def _dance(house: House, which: str, count: int) -> list[tuple[str, Asked]]:
    """What each step of a flow asks for this many orders in one batch, the monitor hearing each step alone."""
    return list(_steps(house, which, count))


def _steps(house: House, which: str, count: int) -> Iterator[tuple[str, Asked]]:
    for step in flow(which):
        if step.hears is COMMAND:
            yield f"{step.service}: intake", _decide(house, place(house, count, which))
        else:
            yield f"{step.service}: {step.hears.topic}", _hear(house, step.service, count)
        yield "monitor: one topic", _hear(house, MONITOR, count)


def _mix(house: House, count: int) -> list[tuple[str, Asked]]:
    """What one batch asks in which every topic that a service hears has records."""
    for which in FLOWS:
        _decide(house, place(house, count, which))
    _hear(house, "inventory", 3 * count)
    _hear(house, "payment", 2 * count)
    for which in FLOWS:
        _decide(house, place(house, count, which))
    spent = [(name, _hear(house, name, 4 * count)) for name in ("inventory", "order", "notification")]
    _hear(house, "payment", 2 * count)
    spent.append((MONITOR, _hear(house, MONITOR, 25 * count)))
    _hear(house, "inventory", count)
    _hear(house, "order", 2 * count)
    _hear(house, "notification", 2 * count)
    _hear(house, MONITOR, 5 * count)
    return spent


def _hear(house: House, name: str, count: int) -> Asked:
    """What a service asks while it decides this many records, which are all there are, in one batch, and says its answers."""
    consumer = house.one(name).consumer
    tally = consumer.around.tally
    records, batches = tally["records"] + count, tally["batches"] + 1
    asked(house, name)
    drive_until(lambda: tally["records"] >= records and consumer.idle, lambda: consumer.turn(house.ground.patience))
    assert (tally["records"], tally["batches"]) == (records, batches), f"expected {count} records in one batch"
    return asked(house, name)


def _decide(house: House, orders: list[str]) -> Asked:
    """What the intake asks for orders decided in one batch, until nothing of them is in the outbox."""
    intake = house.one("order").intake
    asked(house, "order")
    drive_until(lambda: intake.idle, lambda: intake.turn(0))
    assert accepted(house, orders)
    return asked(house, "order")
