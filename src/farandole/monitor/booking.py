"""What a record means for stock and money: entries of the ledger, the same whatever the order in which records arrive."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from farandole.contract import events, money
from farandole.contract.choreography import CHOREOGRAPHY, ORDER
from farandole.messaging.decision import Rows
from farandole.messaging.step import Step
from farandole.monitor.ledger_rows import Entry

MOST: Final = 10**12
"""Amounts from here on are no order's; whoever forges one does not overflow the ledger."""

# Accounts of a SKU
RECEIVED, RESERVED, RELEASED, OPEN = "received", "reserved", "released", "open"
"""OPEN counts what orders wait for: to be reserved or refused, or to be released after a failed payment."""
# Accounts of a currency, in minor units
PLACED, COMPLETED, PAID, DECLINED = "placed", "completed", "paid", "declined"
ORDERS: Final = "orders"
"""Counts orders by how far they are; its names are those below."""
OUTCOMES: Final = ("COMPLETED", "PAYMENT_FAILED", "FAILED")

Booked = Counter[tuple[str, str]]


class Move(NamedTuple):
    """By how many times its quantity a step moves each line of its order."""

    open: int
    reserved: int = 0
    released: int = 0


_MOVES: Final = {
    events.OrderPlaced: Move(open=1),
    events.OrderValidated: Move(open=-1, reserved=1),
    events.OrderFailed: Move(open=-1),
    events.PaymentFailed: Move(open=1),
}
_UNDONE: Final = Move(open=-1, released=1)
_ENDS: Final = {f"Update order ({outcome})": outcome for outcome in OUTCOMES}


def _move(step: Step) -> Move | None:
    return _UNDONE if step.undoes else _MOVES.get(step.says) if step.says else None


MOVES: Final = {(s.service, s.words, s.hears.topic or None): found for s in CHOREOGRAPHY if (found := _move(s))}


class _Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


class _Lines(msgspec.Struct, frozen=True):
    lines: tuple[_Line, ...]


_lines: Final = msgspec.json.Decoder(_Lines).decode


def entries(rows: Rows, event_id: str, booked: Booked) -> tuple[Entry, ...]:
    """The batch's entries with this added."""
    return tuple(
        Entry(known.event_id, *place, known.units + units)
        if (known := rows.get(Entry, place))
        else Entry(event_id, *place, units)
        for place, units in booked.items()
        if units
    )


def book(event: events.OrderEvent, step: Step) -> Booked:
    """The money and the outcome that an event tells by itself."""
    booked = Booked()
    match event:
        case events.OrderPlaced():
            booked[ORDERS, "PLACED"] = 1
            _owe(booked, PLACED, event.currency, event.total)
        case events.OrderCompleted():
            _owe(booked, COMPLETED, event.currency, event.total)
        case events.OrderPaid():
            _owe(booked, PAID, event.currency, event.amount)
        case events.PaymentFailed():
            _owe(booked, DECLINED, event.currency, event.amount)
    if step.service == ORDER and (outcome := _ENDS.get(step.words)):
        booked[ORDERS, outcome] = 1
    return booked


def _owe(booked: Booked, account: str, currency: str, amount: str) -> None:
    units = money.minor(amount, currency)
    if units < MOST:
        booked[account, currency] = units


def move(placed: str, steps: Iterable[tuple[str, str, str | None]]) -> Booked:
    """What these steps of an order move; `placed` is the event that names its lines, as JSON."""
    moves = [found for step in steps if (found := MOVES.get(step))]
    booked = Booked()
    if moves:
        total = [(account, sum(getattr(one, account) for one in moves)) for account in Move._fields]
        for line in _lines(placed).lines:
            for account, times in total:
                booked[account, line.sku] += times * line.quantity
    return booked


def receipt(event: events.StockReceived) -> Booked:
    return Booked({(RECEIVED, event.sku): event.quantity})
