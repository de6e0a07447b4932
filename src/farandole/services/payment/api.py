"""The payment service's HTTP route: how the payment of an order went."""

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract import events, money
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.problems import unknown
from farandole.http.routes import Route, get, json
from farandole.messaging.database import Transaction
from farandole.services.payment.domain import Paid, Payment
from farandole.services.payment.storage import PAYMENTS, payments


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    order_id: events.OrderId
    status: Paid
    amount: events.Amount
    currency: events.CurrencyCode
    reason: events.Reason | None


class PaymentPage(msgspec.Struct, frozen=True):
    items: tuple[PaymentAnswer, ...]
    next_cursor: str | None


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the payment service."""

    async def listed(request: Request) -> Response:
        limit, before = parameters.limit(request), parameters.read_cursor(request)
        found = await desk.read(lambda transaction: _page(transaction, before, limit + 1))
        more = parameters.write_cursor(found[limit - 1].order_id) if len(found) > limit else None
        return json(PaymentPage(tuple(_answer(payment) for payment in found[:limit]), more))

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
            parameters=parameters.PAGE,
        ),
        get("/api/payments/{order_id}", show, "Show the payment of an order", tag="payments", answer=PaymentAnswer),
    )


def _page(transaction: Transaction, before: str | None, limit: int) -> list[Payment]:
    statement = sa.select(payments).order_by(payments.c.order_id.desc()).limit(limit)
    return transaction.fetch(PAYMENTS, statement if before is None else statement.where(payments.c.order_id < before))


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
