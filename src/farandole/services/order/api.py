"""The order service's HTTP routes: an order is answered once it is durable, a repeated key as the first time."""

import asyncio
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Annotated, Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import uuid7

from farandole.contract import events, money
from farandole.http import bodies, parameters
from farandole.http.desk import Desk
from farandole.http.parameters import Parameter
from farandole.http.problems import FieldError, Problem, invalid, unknown
from farandole.http.routes import Route, get, json, post
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Cause, Heard, digest, rfc3339
from farandole.services.order import listing
from farandole.services.order.domain import Order, Outcome, Status
from farandole.services.order.listing import Wish
from farandole.services.order.storage import ORDERS, OUTCOMES, orders

MOST_MINOR_UNITS: Final = 10**12
"""An order's total is below this."""

LOOK_SECONDS: Final = 0.5

UnitPrice = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,4})?$",
        description="a plain decimal as text, above 0, with at most the currency's digits after the point",
        examples=["19.99"],
    ),
]
Currency = Annotated[
    str,
    Meta(
        pattern="^[A-Z]{3}$",
        description='an active ISO 4217 code such as "USD"',
        examples=["USD"],
        extra_json_schema={"enum": sorted(money.DIGITS)},
    ),
]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a customer sends; nothing unknown is overlooked."""


class WantedCustomer(Body, frozen=True):
    id: events.PrintableId
    email: events.Email | None = None
    phone: events.Phone | None = None


class WantedLine(Body, frozen=True):
    sku: events.Sku
    quantity: events.Quantity
    unit_price: UnitPrice


class WantedOrder(Body, frozen=True):
    customer: WantedCustomer
    currency: Currency
    lines: Annotated[tuple[WantedLine, ...], Meta(min_length=1, max_length=100)]


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    id: events.OrderId
    status: Status
    reason: events.Reason | None
    customer: events.Customer
    currency: events.CurrencyCode
    total: events.Amount
    lines: tuple[events.Line, ...]
    placed_at: str
    updated_at: str


class OrderPage(msgspec.Struct, frozen=True):
    """A page may hold few orders or none and another still follow: it looks at a bounded number of orders for those that fit."""

    items: tuple[OrderAnswer, ...]
    next_cursor: str | None


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the order service."""

    async def show(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        found = await desk.read(lambda transaction: _find(transaction, order_id))
        if found is None:
            raise unknown("order")
        return json(found)

    async def listed(request: Request) -> Response:
        wish = Wish(
            parameters.choice(request, "status", Status),
            parameters.matching(request, "customer_id", r"[^\x00]{1,128}"),
            parameters.read_cursor(request),
            parameters.matching(request, "email", r"[^\x00]{1,254}"),
        )
        limit = parameters.limit(request)
        return json(await desk.read(lambda transaction: _page(transaction, wish, limit)))

    filters = (
        Parameter("status", schema={"type": "string", "enum": [str(status) for status in Status]}),
        Parameter("customer_id", schema={"type": "string", "minLength": 1, "maxLength": 128}),
        Parameter("email", schema={"type": "string", "minLength": 1, "maxLength": 254}, description="in any case"),
    )
    return (
        post(
            "/api/orders",
            partial(_place, desk),
            "Place an order",
            body=WantedOrder,
            answer=OrderAnswer,
            status=201,
            parameters=(parameters.IDEMPOTENCY_KEY, parameters.PREFER),
            headers={"Location": "where the order is", "Preference-Applied": "how long an answer was waited for"},
        ),
        get(
            "/api/orders",
            listed,
            "List orders, newest first",
            answer=OrderPage,
            parameters=(*filters, *parameters.PAGE),
        ),
        get("/api/orders/{order_id}", show, "Show an order", answer=OrderAnswer),
    )


async def _place(desk: Desk, request: Request) -> Response:
    heard = _heard(desk, request, await bodies.read(request))
    patience = parameters.wait(request)
    if patience is None:
        order = _order(await desk.command(heard))
        return json(_answer(order, None), 201, _location(order))
    with desk.watching(heard.event.order_id) as news:
        order = _order(await desk.command(heard))
        if order.order_id == heard.event.order_id:
            await asyncio.wait((news,), timeout=min(patience, LOOK_SECONDS))
    outcome = news.result().guard if news.done() else None
    if isinstance(outcome, Outcome):
        answer = _answer(order, outcome)
    else:
        answer = await _settled(desk, order.order_id, patience) or _answer(order, None)
    return json(answer, 201, _location(order) | {"Preference-Applied": f"wait={patience}"})


def _heard(desk: Desk, request: Request, body: bytes) -> Heard[events.PlaceOrder]:
    """The command as it is decided: its id and time are assigned, its content is checked."""
    key = parameters.idempotency_key(request)
    wish = _wish(_wanted(body), str(uuid7()), key)
    if desk.overfull:
        raise Problem(503, "too many orders wait to be published", headers={"Retry-After": "1"})
    content = msgspec.structs.replace(wish, order_id="", idempotency=None)
    return Heard(wish, Cause(wish.order_id, digest(content)), desk.now())


def _order(decision: Decision) -> Order:
    assert isinstance(decision.guard, Order)
    return decision.guard


def _location(order: Order) -> dict[str, str]:
    return {"Location": f"/api/orders/{order.order_id}"}


async def _settled(desk: Desk, order_id: str, patience: int) -> OrderAnswer | None:
    """The order when it is terminal or time is up; watched before each look, so nothing is missed, and looked at
    often, for another process may hear how the order ended."""
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        with desk.watching(order_id) as news:
            found = await desk.read(lambda transaction: _find(transaction, order_id))
            left = deadline - asyncio.get_running_loop().time()
            if found is None or found.status != Status.PENDING or left <= 0:
                return found
            await asyncio.wait((news,), timeout=min(left, LOOK_SECONDS))


def _wanted(body: bytes) -> WantedOrder:
    """The order as asked for; 422 naming what has the wrong shape and, beside it, what is no money."""
    try:
        return bodies.decode(body, WantedOrder)
    except Problem as problem:
        if problem.status != 422:
            raise
        named = {error.field for error in problem.errors}
        more = (error for error in _no_money(bodies.plain(body)) if error.field not in named)
        raise invalid(*problem.errors, *more) from None


def _no_money(order: Any) -> Iterator[FieldError]:
    """The currency and prices of an order of any shape that look like money and are not."""
    currency = order.get("currency") if isinstance(order, dict) else None
    lines = order.get("lines") if isinstance(order, dict) else None
    if not isinstance(currency, str):
        return
    if currency not in money.DIGITS:
        yield FieldError("currency", f"expected an active ISO 4217 currency code, found {currency[:16]!r}")
        return
    for place, line in enumerate(lines if isinstance(lines, list) else ()):
        price = line.get("unit_price") if isinstance(line, dict) else None
        try:
            if isinstance(price, str):
                _price(price, currency)
        except money.MalformedAmount as error:
            yield FieldError(f"lines[{place}].unit_price", str(error))


def _wish(wanted: WantedOrder, order_id: str, key: str | None) -> events.PlaceOrder:
    """The command, every unit price with its currency's digits; 422 naming each price or currency that is not money."""
    try:
        money.digits(wanted.currency)
    except money.MalformedAmount as error:
        raise invalid(FieldError("currency", str(error))) from None
    errors, lines, total = [], [], 0
    for place, line in enumerate(wanted.lines):
        try:
            price, canonical = _price(line.unit_price, wanted.currency)
        except money.MalformedAmount as error:
            errors.append(FieldError(f"lines[{place}].unit_price", str(error)))
            continue
        total += price * line.quantity
        lines.append(events.Line(sku=line.sku, quantity=line.quantity, unit_price=canonical))
    if total >= MOST_MINOR_UNITS:
        most = money.decimal(MOST_MINOR_UNITS, wanted.currency)
        errors.append(FieldError("lines", f"expected a total below {most} {wanted.currency}"))
    if errors:
        raise invalid(*errors)
    customer = events.Customer(id=wanted.customer.id, email=wanted.customer.email, phone=wanted.customer.phone)
    return events.PlaceOrder(
        order_id=order_id, customer=customer, currency=wanted.currency, lines=tuple(lines), idempotency=key
    )


@lru_cache(maxsize=4096)
def _price(text: str, currency: str) -> tuple[int, str]:
    """Minor units of a unit price, and its text with the currency's digits; a shop has fewer prices than orders."""
    units = money.minor(text, currency)
    if units == 0:
        raise money.MalformedAmount("expected more than 0")
    return units, money.decimal(units, currency)


def _page(transaction: Transaction, wish: Wish, limit: int) -> OrderPage:
    found, place = listing.page(transaction, wish, limit)
    return OrderPage(tuple(map(_answered, found)), place and parameters.write_cursor(place))


def _find(transaction: Transaction, order_id: str) -> OrderAnswer | None:
    found = transaction.connection.execute(listing.joined().where(orders.c.order_id == order_id)).first()
    return None if found is None else _answered(found)


def _answered(row: sa.Row[Any]) -> OrderAnswer:
    split = len(ORDERS.columns)
    order, outcome = tuple(row[:split]), tuple(row[split:])
    return _answer(ORDERS.row(order), OUTCOMES.row(outcome) if outcome[0] is not None else None)


def _answer(order: Order, outcome: Outcome | None) -> OrderAnswer:
    placed_at, reason = rfc3339(order.decided_at), None
    if outcome is not None and outcome.reason_code is not None:
        reason = events.Reason(code=outcome.reason_code, detail=outcome.reason_detail or "")
    return OrderAnswer(
        id=order.order_id,
        status=Status(outcome.status) if outcome else Status.PENDING,
        reason=reason,
        customer=order.customer,
        currency=order.currency,
        total=money.decimal(order.total, order.currency),
        lines=order.lines,
        placed_at=placed_at,
        updated_at=rfc3339(outcome.decided_at) if outcome else placed_at,
    )
