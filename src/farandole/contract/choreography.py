"""The choreography is a value: who hears what, which local step it takes, and what it answers. Nobody executes it centrally."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from farandole.contract.events import (
    OrderCompleted,
    OrderFailed,
    OrderPaid,
    OrderPlaced,
    OrderValidated,
    PaymentFailed,
    PlaceOrder,
)
from farandole.messaging.envelope import Event
from farandole.messaging.step import Step


class Service(StrEnum):
    ORDER = "order"
    INVENTORY = "inventory"
    PAYMENT = "payment"
    NOTIFICATION = "notification"


ORDER, INVENTORY, PAYMENT, NOTIFICATION = Service

# fmt: off
CHOREOGRAPHY: Final = (
    #    service        hears            local step                                    answers with      undoes                   beside others
    Step(ORDER,         PlaceOrder,      "Save order (PENDING)",                       OrderPlaced),
    Step(INVENTORY,     OrderPlaced,     "Reserve stock (RESERVED)",                   OrderValidated),
    Step(INVENTORY,     OrderPlaced,     "Insufficient stock",                         OrderFailed),
    Step(PAYMENT,       OrderValidated,  "Process payment (COMPLETED)",                OrderPaid),
    Step(PAYMENT,       OrderValidated,  "Payment fails (amount > $10,000)",           PaymentFailed),
    Step(ORDER,         OrderPaid,       "Update order (COMPLETED)",                   OrderCompleted),
    Step(NOTIFICATION,  OrderCompleted,  "Send notification (email/SMS)"),
    Step(INVENTORY,     PaymentFailed,   "Release stock (compensating transaction)",   undoes=OrderValidated,   beside="Compensation"),
    Step(ORDER,         PaymentFailed,   "Update order (PAYMENT_FAILED)",                                       beside="Order Update"),
    Step(NOTIFICATION,  PaymentFailed,   "Send failure notification",                                           beside="Notification"),
    Step(ORDER,         OrderFailed,     "Update order (FAILED)",                                               beside="Order Update"),
    Step(NOTIFICATION,  OrderFailed,     "Send failure notification",                                           beside="Notification"),
)

FLOWS: Final[Mapping[str, type[Event] | None]] = {
    #                   the failure that sets it apart
    "happy":            None,
    "payment-failure":  PaymentFailed,
    "stock-failure":    OrderFailed,
}
# fmt: on

HAPPY: Final = "happy"
COMMAND: Final = PlaceOrder


class BrokenChoreography(ValueError):
    """The table contradicts itself or the handlers."""


def steps_of(service: str, table: Iterable[Step] = CHOREOGRAPHY) -> tuple[Step, ...]:
    """The rows one service dances."""
    return tuple(step for step in table if step.service == service)


def topics(table: Iterable[Step] = CHOREOGRAPHY) -> tuple[str, ...]:
    """Every topic of the choreography, in order of first appearance."""
    return tuple(dict.fromkeys(step.says.topic for step in table if step.says))


def flow(name: str, table: Iterable[Step] = CHOREOGRAPHY) -> tuple[Step, ...]:
    """The steps of one flow in the table's order: what follows from the command when only that flow's failure happens."""
    failure = FLOWS[name]
    failures = {f for f in FLOWS.values() if f and f is not failure}
    reached: set[type[Event]] = {COMMAND}
    steps = []
    for step in _chosen(tuple(table), failure, failures):
        if step.hears in reached:
            steps.append(step)
            reached |= {step.says} if step.says else set()
    return tuple(steps)


def _chosen(table: tuple[Step, ...], failure: type[Event] | None, others: set[type[Event]]) -> list[Step]:
    """The table without other flows' failures and, where this flow fails, without the success it replaces."""
    failing = {(s.service, s.hears) for s in table if failure and s.says is failure}
    return [s for s in table if s.says not in others and ((s.service, s.hears) not in failing or s.says is failure)]


def flow_of(heard_or_said: Iterable[str | None]) -> str:
    """The flow that an order dances, told by the topics seen so far; the happy one while nothing has failed."""
    seen = set(heard_or_said)
    return next((name for name, failure in FLOWS.items() if failure and failure.topic in seen), HAPPY)


def check(table: Iterable[Step] = CHOREOGRAPHY) -> None:
    """Raise BrokenChoreography when the table is cyclic, ambiguous or says what nobody may say."""
    rows = tuple(table)
    keys = [(s.service, s.hears, s.says) for s in rows]
    if twins := {k for k in keys if keys.count(k) > 1}:
        raise BrokenChoreography(f"expected one row per service, event and answer, found twins: {twins}")
    for event in {s.hears for s in rows} - {COMMAND}:
        speakers = {s.service for s in rows if s.says is event}
        if len(speakers) != 1:
            raise BrokenChoreography(f"expected exactly one service to say {event.topic}, found {sorted(speakers)}")
    _refuse_cycles(rows)


def _refuse_cycles(rows: tuple[Step, ...]) -> None:
    answers = {(s.hears, s.says) for s in rows if s.says}

    def walk(event: type[Event], path: tuple[type[Event], ...]) -> None:
        if event in path:
            raise BrokenChoreography(f"expected no cycle, found {' → '.join(e.__name__ for e in (*path, event))}")
        for cause, effect in answers:
            if cause is event:
                walk(effect, (*path, event))

    for start in {cause for cause, _ in answers}:
        walk(start, ())
