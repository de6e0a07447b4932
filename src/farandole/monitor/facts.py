"""What the topics say of the invariants: orders whose dance is over, or has fallen silent, rebuilt from their records."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import msgspec

from farandole.contract import events, money
from farandole.contract.facts import (
    Facts,
    NoticeFact,
    OrderFact,
    PaymentFact,
    ReceiptFact,
    RecordFact,
    ReservationFact,
)
from farandole.messaging.database import Transaction
from farandole.monitor.domain import Recorded
from farandole.monitor.storage import RECEIVED, RECORDED
from farandole.monitor.timeline import expected

SILENT_AFTER: Final = 60_000_000
"""Microseconds without a step after which an order counts as stuck, not as under way."""

_ENDS: Final = (
    ("Update order (COMPLETED)", "COMPLETED"),
    ("Update order (PAYMENT_FAILED)", "PAYMENT_FAILED"),
    ("Update order (FAILED)", "FAILED"),
)
_KINDS: Final = {"order.completed": "completed", "payment.failed": "payment_failed", "order.failed": "failed"}


def facts(transaction: Transaction, now: int) -> Facts:
    """Facts of every order that is not under way."""
    rows = sorted(transaction.all(RECORDED), key=lambda row: row.order_id)
    orders = [list(group) for _, group in groupby(rows, key=lambda row: row.order_id)]
    settled = [
        steps for steps in orders if not expected(steps) or now - max(s.recorded_at for s in steps) > SILENT_AFTER
    ]
    return Facts(
        orders=[fact for steps in settled for fact in _order(steps)],
        receipts=[ReceiptFact(r.sku, r.quantity) for r in transaction.all(RECEIVED)],
        reservations=[fact for steps in settled for fact in _reservation(steps)],
        payments=[fact for steps in settled for fact in _payments(steps)],
        notices=[NoticeFact(s.order_id, _KINDS[s.heard or ""]) for s in _of(settled, "notification")],
        records=[
            RecordFact(s.said or "saga.steps", s.order_id, s.event_id, s.causation, s.digest)
            for steps in settled
            for s in steps
        ],
    )


def _of(orders: Iterable[Sequence[Recorded]], service: str) -> Iterable[Recorded]:
    return (step for steps in orders for step in steps if step.service == service)


def _order(steps: Sequence[Recorded]) -> Iterable[OrderFact]:
    taken = {step.step for step in steps}
    for step in steps:
        if step.said == events.OrderPlaced.topic:
            placed = msgspec.json.decode(step.value, type=events.OrderPlaced)
            prices = (money.minor(line.unit_price, placed.currency) * line.quantity for line in placed.lines)
            yield OrderFact(
                order_id=placed.order_id,
                status=next((status for words, status in _ENDS if words in taken), "PENDING"),
                currency=placed.currency,
                total=money.minor(placed.total, placed.currency),
                sum=sum(prices),
                lines=_lines(placed),
                channels=sum(1 for address in (placed.customer.email, placed.customer.phone) if address),
            )


def _lines(placed: events.OrderPlaced) -> tuple[tuple[str, int], ...]:
    return tuple((line.sku, line.quantity) for line in placed.lines)


def _reservation(steps: Sequence[Recorded]) -> Iterable[ReservationFact]:
    said = {step.said for step in steps}
    released = any(s.service == "inventory" and s.heard == events.PaymentFailed.topic for s in steps)
    placed = [
        msgspec.json.decode(s.value, type=events.OrderPlaced) for s in steps if s.said == events.OrderPlaced.topic
    ]
    lines = _lines(placed[0]) if placed else ()
    if events.OrderValidated.topic in said:
        yield ReservationFact(steps[0].order_id, "RELEASED" if released else "RESERVED", lines)
    if events.OrderFailed.topic in said:
        yield ReservationFact(steps[0].order_id, "REJECTED", lines)


def _payments(steps: Sequence[Recorded]) -> Iterable[PaymentFact]:
    kinds = {
        events.OrderPaid.topic: (events.OrderPaid, "COMPLETED"),
        events.PaymentFailed.topic: (events.PaymentFailed, "FAILED"),
    }
    for step in steps:
        if step.said in kinds:
            kind, status = kinds[step.said]
            event = msgspec.json.decode(step.value, type=kind)
            yield PaymentFact(step.order_id, status, event.currency, money.minor(event.amount, event.currency))
