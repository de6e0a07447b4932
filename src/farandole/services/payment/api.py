"""The payment service's HTTP routes: how the payments of orders went."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract import events, money
from farandole.http import paging, parameters
from farandole.http.desk import Desk
from farandole.http.paging import Fits, Way
from farandole.http.parameters import Parameter
from farandole.http.problems import unknown
from farandole.http.routes import Route, get, json
from farandole.services.payment.domain import Paid, Payment
from farandole.services.payment.storage import PAYMENTS, payments


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    order_id: events.OrderId
    status: Paid
    amount: events.Amount
    currency: events.CurrencyCode
    reason: events.Reason | None


class PaymentPage(msgspec.Struct, frozen=True):
    """A page may hold few payments or none and another still follow: it looks at a bounded number of payments."""

    items: tuple[PaymentAnswer, ...]
    next_cursor: str | None


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the payment service."""

    async def listed(request: Request) -> Response:
        limit, way = parameters.limit(request), Way((payments.c.order_id,), parameters.read_cursor(request))
        status = parameters.choice(request, "status", Paid)
        fits: list[Fits] = [] if status is None else [lambda few: few.c.status == status]
        found, place = await desk.read(lambda transaction: paging.page(transaction, PAYMENTS, way, fits, limit))
        return json(PaymentPage(tuple(map(_answer, found)), place and parameters.write_cursor(place)))

    async def show(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        found = await desk.read(lambda transaction: transaction.select(PAYMENTS, (order_id,)))
        if not found:
            raise unknown("payment")
        return json(_answer(found[0]))

    return (
        get(
            "/api/payments",
            listed,
            "List payments, those of the newest orders first",
            tag="payments",
            answer=PaymentPage,
            parameters=(Parameter("status", schema={"type": "string", "enum": list(Paid)}), *parameters.PAGE),
        ),
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
