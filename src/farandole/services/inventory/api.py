"""The inventory's HTTP routes: stock, goods receipts and reservations."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import UUID, uuid5, uuid7

from farandole.contract import events
from farandole.http import bodies, paging, parameters
from farandole.http.desk import Desk
from farandole.http.paging import Fits, Way
from farandole.http.parameters import Parameter
from farandole.http.problems import unknown
from farandole.http.routes import Route, get, json, post
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import Cause, Heard, digest
from farandole.services.inventory.domain import Held, Line, ReceiveStock, Stock
from farandole.services.inventory.storage import RELEASES, RESERVATIONS, STOCK, stock

SKU: Final = "[A-Za-z0-9._-]{1,64}"
BELOW: Final = "[1-9][0-9]{0,9}"
RECEIPTS_BY_KEY: Final = UUID("6f1c1c0e-4d5c-5b3c-9a5e-0f7a1f0d9c11")
"""The namespace in which a SKU and an Idempotency-Key name one receipt."""


class Goods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantity: Annotated[int, Meta(ge=1, le=10**9)]


class StockAnswer(msgspec.Struct, frozen=True):
    sku: events.Sku
    available: int
    reserved: int


class StockPage(msgspec.Struct, frozen=True):
    """A page may hold few SKUs or none and another still follow: it looks at a bounded number of SKUs."""

    items: tuple[StockAnswer, ...]
    next_cursor: str | None


class ReservationAnswer(msgspec.Struct, frozen=True):
    order_id: events.OrderId
    status: Held
    lines: tuple[Line, ...]


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the inventory."""

    async def listed(request: Request) -> Response:
        limit = parameters.limit(request)
        way = Way((stock.c.sku,), parameters.read_cursor(request, SKU), newest_first=False)
        below = parameters.matching(request, "below", BELOW)
        fits: list[Fits] = [] if below is None else [lambda few: few.c.available < int(below)]
        found, place = await desk.read(lambda transaction: paging.page(transaction, STOCK, way, fits, limit))
        return json(StockPage(tuple(map(_answer, found)), place and parameters.write_cursor(place)))

    async def show(request: Request) -> Response:
        return json(await _stock(desk, parameters.path_id(request, "sku", SKU)))

    async def receive(request: Request) -> Response:
        return await _receive(desk, request)

    async def reservation(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        found = await desk.read(lambda transaction: _reservation(transaction, order_id))
        if found is None:
            raise unknown("reservation")
        return json(found)

    return (
        get(
            "/api/stock",
            listed,
            "List stock, by SKU",
            tag="stock",
            answer=StockPage,
            parameters=(
                Parameter(
                    "below",
                    schema={"type": "integer", "minimum": 1, "maximum": 9_999_999_999},
                    description="only with less available",
                ),
                *parameters.PAGE,
            ),
        ),
        get("/api/stock/{sku}", show, "Show the stock of a SKU", tag="stock", answer=StockAnswer),
        post(
            "/api/stock/{sku}/receipts",
            receive,
            "Receive goods; a new SKU is created",
            tag="stock",
            body=Goods,
            answer=StockAnswer,
            status=201,
            parameters=(parameters.IDEMPOTENCY_KEY,),
            headers={"Location": "where the stock is"},
        ),
        get(
            "/api/reservations/{order_id}",
            reservation,
            "Show what is held for an order",
            tag="stock",
            answer=ReservationAnswer,
        ),
    )


async def _receive(desk: Desk, request: Request) -> Response:
    sku = parameters.path_id(request, "sku", SKU)
    key = parameters.idempotency_key(request)
    goods = bodies.decode(await bodies.read(request), Goods)
    receipt_id = str(uuid7() if key is None else uuid5(RECEIPTS_BY_KEY, f"{sku}\n{key}"))
    command = ReceiveStock(receipt_id=receipt_id, sku=sku, quantity=goods.quantity)
    content = msgspec.structs.replace(command, receipt_id="")
    await desk.command(Heard(command, Cause(receipt_id, digest(content)), desk.now()))
    return json(await _stock(desk, sku), 201, {"Location": f"/api/stock/{sku}"})


async def _stock(desk: Desk, sku: str) -> StockAnswer:
    found = await desk.read(lambda transaction: transaction.select(STOCK, (sku,)))
    if not found:
        raise unknown("SKU")
    return _answer(found[0])


def _reservation(transaction: Transaction, order_id: str) -> ReservationAnswer | None:
    found = transaction.select(RESERVATIONS, (order_id,))
    if not found:
        return None
    released = transaction.select(RELEASES, (order_id,))
    return ReservationAnswer(order_id, Held.RELEASED if released else Held(found[0].outcome), found[0].lines)


def _answer(row: Stock) -> StockAnswer:
    return StockAnswer(row.sku, row.available, row.reserved)
