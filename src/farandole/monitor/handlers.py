"""What the monitor decides: to which step of the choreography a record belongs, and its number in the order's timeline."""

from collections.abc import Mapping
from typing import Final

import msgspec

from farandole.contract import events, money
from farandole.contract.choreography import CHOREOGRAPHY, COMMAND
from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison
from farandole.messaging.step import Step
from farandole.monitor import booking
from farandole.monitor.domain import Received, Recorded, Timeline
from farandole.monitor.ledger_rows import Entry

_SPEAKING: Final = {step.says: step for step in CHOREOGRAPHY if step.says}
_SILENT: Final = {(s.service, s.words, s.hears.topic): s for s in CHOREOGRAPHY if s.says is None}


def record(rows: Rows, heard: Heard[events.OrderEvent]) -> Decision:
    if known := rows.get(Recorded, heard.cause.id):
        return Decision(msgspec.structs.replace(known, repeats=(known.repeats or 0) + 1))
    event, step = heard.event, _step(heard)
    _expect_money(event)
    topic = None if step.hears is COMMAND else step.hears.topic
    taken = (step.service, step.words, topic)
    timeline = rows.get(Timeline, event.order_id) or Timeline(event.order_id)
    if taken in timeline.steps:
        raise Poison(f"order {event.order_id}: {step.words!r} is recorded already, under another event's id")
    recorded = Recorded(
        event_id=heard.cause.id,
        digest=heard.cause.digest,
        order_id=event.order_id,
        number=len(timeline.steps) + 1,
        service=step.service,
        step=step.words,
        heard=topic,
        said=step.says.topic if step.says else None,
        decided_at=heard.said_at,
        causation=heard.causation,
        recorded_at=heard.at,
        value=msgspec.json.encode(event).decode(),
        landed_at=heard.landed_at or None,
    )
    placed = recorded.value if isinstance(event, events.OrderPlaced) else timeline.placed
    grown = Timeline(event.order_id, timeline.steps | {taken}, placed)
    return Decision(recorded, rows=(grown, *_booked(rows, heard, step, timeline, grown)))


def receive(rows: Rows, heard: Heard[events.StockReceived]) -> Decision:
    if known := rows.get(Received, heard.cause.id):
        return Decision(known)
    goods = heard.event
    received = Received(*heard.cause, goods.sku, goods.quantity, heard.said_at)
    return Decision(received, rows=tuple(booking.entries(rows, heard.cause.id, booking.receipt(goods))))


def _booked(rows: Rows, heard: Heard[events.OrderEvent], step: Step, before: Timeline, now: Timeline) -> list[Entry]:
    """What the ledger learns; steps that move stock wait for `order.placed`, which names the lines."""
    booked = booking.book(heard.event, step)
    if now.placed:
        booked |= booking.move(now.placed, now.steps - before.steps if before.placed else now.steps)
    return booking.entries(rows, heard.cause.id, booked)


def _expect_money(event: events.OrderEvent) -> None:
    """Raises MalformedAmount: what is recorded here is summed up by the invariants later."""
    match event:
        case events.OrderPlaced() | events.OrderCompleted():
            money.minor(event.total, event.currency)
        case events.OrderValidated() | events.OrderPaid() | events.PaymentFailed():
            money.minor(event.amount, event.currency)
    if isinstance(event, events.OrderPlaced):
        for line in event.lines:
            money.minor(line.unit_price, event.currency)


def _step(heard: Heard[events.OrderEvent]) -> Step:
    event = heard.event
    if not isinstance(event, events.StepTaken):
        return _SPEAKING[type(event)]
    step = _SILENT.get((event.service, event.step, event.heard))
    if step is None:
        raise Poison(f"expected a silent step of the choreography, found {event.service}/{event.step} on {event.heard}")
    return step


HANDLERS: Final[Mapping[type[Event], Handler]] = {
    events.OrderPlaced: record,
    events.OrderValidated: record,
    events.OrderPaid: record,
    events.OrderCompleted: record,
    events.PaymentFailed: record,
    events.OrderFailed: record,
    events.StepTaken: record,
    events.StockReceived: receive,
}
