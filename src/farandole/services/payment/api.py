"""The payment service's HTTP route: how the payment of an order went."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract import events, money
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.problems import unknown
from farandole.http.routes import Route, get, json
from farandole.services.payment.domain import Paid, Payment
from farandole.services.payment.storage import PAYMENTS


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    order_id: events.OrderId
    status: Paid
    amount: events.Amount
    currency: events.CurrencyCode
    reason: events.Reason | None


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the payment service."""

    async def show(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        found = await desk.read(lambda transaction: transaction.select(PAYMENTS, (order_id,)))
        if not found:
            raise unknown("payment")
        return json(_answer(found[0]))

    return (
        get("/api/payments/{order_id}", show, "Show the payment of an order", tag="payments", answer=PaymentAnswer),
    )


def _answer(payment: Payment) -> PaymentAnswer:
    reason = None
    if payment.reason_code is not None:
        reason = events.Reason(code=payment.reason_code, detail=payment.reason_detail or "")
    return PaymentAnswer(
        order_id=payment.order_id,
        status=Paid(payment.status),
        amount=money.decimal(payment.amount, payment.currency),
        currency=payment.currency,
        reason=reason,
    )
