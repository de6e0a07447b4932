"""What the inventory decides: reserve everything or nothing, and release what was reserved."""

from collections.abc import Mapping
from typing import Final

from farandole.contract import events
from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison, Refused
from farandole.services.inventory.domain import Held, Receipt, ReceiveStock, Release, Reservation, Stock, needed

MOST_ON_HAND = 2**62
"""Units of one SKU that a receipt may lead to; both databases keep 64-bit integers."""


def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
    order = heard.event
    if known := rows.get(Reservation, order.order_id):
        return Decision(known, answer(known))
    lines = needed(order.lines)
    on_hand = {line.sku: rows.get(Stock, line.sku) or Stock(line.sku, 0, 0) for line in lines}
    short = tuple(line.sku for line in lines if on_hand[line.sku].available < line.quantity)
    reservation = Reservation(
        order_id=order.order_id,
        cause_id=heard.cause.id,
        cause_digest=heard.cause.digest,
        decided_at=heard.at,
        outcome=Held.REJECTED if short else Held.RESERVED,
        lines=lines,
        short=short,
        customer=order.customer,
        currency=order.currency,
        amount=order.total,
    )
    if short:
        return Decision(reservation, answer(reservation))
    taken = tuple(_move(on_hand[line.sku], line.quantity) for line in lines)
    return Decision(reservation, answer(reservation), taken)


def release(rows: Rows, heard: Heard[events.PaymentFailed]) -> Decision:
    order_id = heard.event.order_id
    reservation = rows.get(Reservation, order_id)
    if reservation is None or reservation.outcome != Held.RESERVED:
        found = "none" if reservation is None else reservation.outcome
        raise Poison(f"order {order_id}: expected a reservation to release, found {found}")
    if known := rows.get(Release, order_id):
        return Decision(known)
    back = []
    for line in reservation.lines:
        stock = rows.get(Stock, line.sku)
        if stock is None:
            raise Poison(f"order {order_id}: expected stock of {line.sku}, found no such SKU")
        back.append(_move(stock, -line.quantity))
    return Decision(Release(order_id, *heard.cause, heard.at), rows=tuple(back))


def receive(rows: Rows, heard: Heard[ReceiveStock]) -> Decision:
    goods = heard.event
    if known := rows.get(Receipt, goods.receipt_id):
        if known.digest != heard.cause.digest:
            raise Refused("this Idempotency-Key belongs to another receipt")
        return Decision(known, received(known))
    stock = rows.get(Stock, goods.sku) or Stock(goods.sku, 0, 0)
    if stock.available + stock.reserved + goods.quantity > MOST_ON_HAND:
        raise Refused(f"expected at most {MOST_ON_HAND} units of {goods.sku} on hand")
    receipt = Receipt(goods.receipt_id, heard.cause.digest, heard.at, goods.sku, goods.quantity)
    more = Stock(stock.sku, stock.available + goods.quantity, stock.reserved)
    return Decision(receipt, received(receipt), (more,))


def answer(reservation: Reservation) -> events.OrderValidated | events.OrderFailed:
    """What was said of an order, also after its stock was released."""
    if reservation.outcome == Held.RESERVED:
        return events.OrderValidated(
            order_id=reservation.order_id,
            customer=reservation.customer,
            currency=reservation.currency,
            amount=reservation.amount,
        )
    return events.OrderFailed(
        order_id=reservation.order_id,
        customer=reservation.customer,
        reason=events.Reason(code="insufficient_stock", detail=f"not enough of {', '.join(reservation.short)}"),
        short=reservation.short,
    )


def received(receipt: Receipt) -> events.StockReceived:
    return events.StockReceived(sku=receipt.sku, quantity=receipt.quantity, receipt_id=receipt.receipt_id)


def _move(stock: Stock, quantity: int) -> Stock:
    return Stock(stock.sku, stock.available - quantity, stock.reserved + quantity)


HANDLERS: Final[Mapping[type[Event], Handler]] = {
    events.OrderPlaced: reserve,
    events.PaymentFailed: release,
}

COMMANDS: Final[Mapping[type[Event], Handler]] = {
    ReceiveStock: receive,
}
