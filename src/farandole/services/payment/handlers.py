"""What the payment service decides: pay, or fail with a reason."""

from functools import partial

from farandole.contract import events, money
from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.services.payment.domain import Gateway, Paid, Payment


def pay(gateway: Gateway, rows: Rows, heard: Heard[events.OrderValidated]) -> Decision:
    order = heard.event
    if known := rows.get(Payment, order.order_id):
        return Decision(known, answer(known))
    amount = money.minor(order.amount, order.currency)
    reason = gateway.decline(order.order_id, amount, order.currency)
    payment = Payment(
        order_id=order.order_id,
        cause_id=heard.cause.id,
        cause_digest=heard.cause.digest,
        decided_at=heard.at,
        status=Paid.FAILED if reason else Paid.COMPLETED,
        currency=order.currency,
        amount=amount,
        customer=order.customer,
        reason_code=reason.code if reason else None,
        reason_detail=reason.detail if reason else None,
    )
    return Decision(payment, answer(payment))


def answer(payment: Payment) -> events.OrderPaid | events.PaymentFailed:
    """What was said of a payment, every time it is asked."""
    amount = money.decimal(payment.amount, payment.currency)
    if payment.status == Paid.COMPLETED:
        return events.OrderPaid(order_id=payment.order_id, currency=payment.currency, amount=amount)
    return events.PaymentFailed(
        order_id=payment.order_id,
        customer=payment.customer,
        currency=payment.currency,
        amount=amount,
        reason=events.Reason(code=payment.reason_code or "", detail=payment.reason_detail or ""),
    )


def handlers(gateway: Gateway) -> dict[type[Event], Handler]:
    return {
        events.OrderValidated: partial(pay, gateway),
    }
