"""What the notification service decides: whom to tell, and with which words."""

from collections.abc import Collection
from functools import partial

from farandole.contract import events
from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.services.notification.domain import Kind, Notice, deliveries, messages

Leaving = Collection[str]
"""Channels whose messages leave this machine and so must be delivered."""


def tell_completed(leaving: Leaving, rows: Rows, heard: Heard[events.OrderCompleted]) -> Decision:
    order = heard.event
    body = f"Your order {order.order_id} over {order.total} {order.currency} is complete. Thank you."
    return _tell(leaving, rows, heard, (Kind.COMPLETED, order.customer, ("Your order is complete", body)))


def tell_payment_failed(leaving: Leaving, rows: Rows, heard: Heard[events.PaymentFailed]) -> Decision:
    order = heard.event
    body = f"The payment of your order {order.order_id} failed: {order.reason.detail}. Nothing was charged."
    return _tell(leaving, rows, heard, (Kind.PAYMENT_FAILED, order.customer, ("Your payment failed", body)))


def tell_failed(leaving: Leaving, rows: Rows, heard: Heard[events.OrderFailed]) -> Decision:
    order = heard.event
    body = f"We could not fulfil your order {order.order_id}: {order.reason.detail}. Nothing was charged."
    return _tell(leaving, rows, heard, (Kind.FAILED, order.customer, ("Your order could not be fulfilled", body)))


Telling = tuple[Kind, events.Customer, tuple[str, str]]
"""What is told: the kind, to whom, and subject and body."""


def _tell(leaving: Leaving, rows: Rows, heard: Heard[events.OrderEvent], telling: Telling) -> Decision:
    kind, customer, text = telling
    if known := rows.get(Notice, (heard.event.order_id, kind)):
        return Decision(known)
    notice = Notice(heard.event.order_id, *heard.cause, heard.at, kind)
    made = messages(notice, customer, text)
    return Decision(notice, rows=(*made, *deliveries(made, leaving)))


def handlers(leaving: Leaving) -> dict[type[Event], Handler]:
    return {
        events.OrderCompleted: partial(tell_completed, leaving),
        events.PaymentFailed: partial(tell_payment_failed, leaving),
        events.OrderFailed: partial(tell_failed, leaving),
    }
