"""What the order service decides: save an order, and learn how it ended."""

from collections.abc import Mapping
from typing import Final

from farandole.contract import events, money
from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison, Refused
from farandole.services.order.domain import Order, Outcome, Status, UsedKey, total


def place(rows: Rows, heard: Heard[events.PlaceOrder]) -> Decision:
    wish = heard.event
    if wish.idempotency and (used := rows.get(UsedKey, wish.idempotency)):
        order = _known(rows, used.order_id)
        if order.digest != heard.cause.digest:
            raise Refused("this Idempotency-Key belongs to another order")
        return Decision(order, placed(order))
    if known := rows.get(Order, wish.order_id):
        return Decision(known, placed(known))
    order = Order(
        order_id=wish.order_id,
        digest=heard.cause.digest,
        decided_at=heard.at,
        customer_id=wish.customer.id,
        customer=wish.customer,
        currency=wish.currency,
        total=total(wish.lines, wish.currency),
        lines=wish.lines,
    )
    keys = (UsedKey(wish.idempotency, order.order_id),) if wish.idempotency else ()
    return Decision(order, placed(order), keys)


def complete(rows: Rows, heard: Heard[events.OrderPaid]) -> Decision:
    order = _known(rows, heard.event.order_id)
    paid = (money.minor(heard.event.amount, heard.event.currency), heard.event.currency)
    if paid != (order.total, order.currency):
        owed = money.decimal(order.total, order.currency)
        raise Poison(f"order {order.order_id}: expected {owed} {order.currency}, found {heard.event.amount} {paid[1]}")
    return Decision(_ended(rows, heard, Status.COMPLETED), completed(order))


def fail_payment(rows: Rows, heard: Heard[events.PaymentFailed]) -> Decision:
    _known(rows, heard.event.order_id)
    return Decision(_ended(rows, heard, Status.PAYMENT_FAILED, heard.event.reason))


def fail(rows: Rows, heard: Heard[events.OrderFailed]) -> Decision:
    _known(rows, heard.event.order_id)
    return Decision(_ended(rows, heard, Status.FAILED, heard.event.reason))


def placed(order: Order) -> events.OrderPlaced:
    return events.OrderPlaced(
        order_id=order.order_id,
        customer=order.customer,
        currency=order.currency,
        total=money.decimal(order.total, order.currency),
        lines=order.lines,
    )


def completed(order: Order) -> events.OrderCompleted:
    return events.OrderCompleted(
        order_id=order.order_id,
        customer=order.customer,
        currency=order.currency,
        total=money.decimal(order.total, order.currency),
    )


def _known(rows: Rows, order_id: str) -> Order:
    order = rows.get(Order, order_id)
    if order is None:
        raise Poison(f"expected an order that was placed here, found {order_id}")
    return order


def _ended(rows: Rows, heard: Heard[events.OrderEvent], status: Status, reason: events.Reason | None = None) -> Outcome:
    order_id = heard.event.order_id
    if known := rows.get(Outcome, order_id):
        if known.status != status:
            raise Poison(f"order {order_id}: expected an order that may become {status}, found {known.status}")
        return known
    why = (reason.code, reason.detail) if reason else (None, None)
    return Outcome(order_id, *heard.cause, heard.at, status, *why)


HANDLERS: Final[Mapping[type[Event], Handler]] = {
    events.PlaceOrder: place,
    events.OrderPaid: complete,
    events.PaymentFailed: fail_payment,
    events.OrderFailed: fail,
}
