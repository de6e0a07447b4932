"""What a record means for stock and money: entries of the ledger, the same whatever the order in which records arrive."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec

from farandole.contract import events, money
from farandole.contract.choreography import CHOREOGRAPHY, ORDER
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Event
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

Place = tuple[str, str]
"""An account, and the SKU, currency or outcome it is of."""
Booked = dict[Place, int]
Move = tuple[tuple[str, int], ...]
"""By how many times its quantity a step moves each line of its order, on which accounts."""

_MOVES: Final[dict[type[Event], Move]] = {
    events.OrderPlaced: ((OPEN, 1),),
    events.OrderValidated: ((OPEN, -1), (RESERVED, 1)),
    events.OrderFailed: ((OPEN, -1),),
    events.PaymentFailed: ((OPEN, 1),),
}
_UNDONE: Final[Move] = ((OPEN, -1), (RELEASED, 1))
_OWED: Final[dict[type[Any], tuple[str, Callable[[Any], str]]]] = {
    events.OrderPlaced: (PLACED, attrgetter("total")),
    events.OrderCompleted: (COMPLETED, attrgetter("total")),
    events.OrderPaid: (PAID, attrgetter("amount")),
    events.PaymentFailed: (DECLINED, attrgetter("amount")),
}
_COUNTED: Final = {"Save order (PENDING)": "PLACED"} | {f"Update order ({outcome})": outcome for outcome in OUTCOMES}


def _move(step: Step) -> Move | None:
    return _UNDONE if step.undoes else _MOVES.get(step.says) if step.says else None


MOVES: Final = {(s.service, s.words, s.hears.topic or None): found for s in CHOREOGRAPHY if (found := _move(s))}


class _Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


class _Lines(msgspec.Struct, frozen=True):
    lines: tuple[_Line, ...]


_lines: Final = msgspec.json.Decoder(_Lines).decode


def entries(rows: Rows, event_id: str, booked: Booked) -> list[Entry]:
    """The batch's entries with this added."""
    made = []
    for place, units in booked.items():
        known = rows.get(Entry, place)
        if known:
            made.append(Entry(known.event_id, *place, known.units + units))
        elif units:
            made.append(Entry(event_id, *place, units))
    return made


def book(event: Any, step: Step) -> Booked:
    """The money and the outcome that an event tells by itself."""
    booked: Booked = {}
    if step.service == ORDER and (outcome := _COUNTED.get(step.words)):
        booked[ORDERS, outcome] = 1
    if owed := _OWED.get(type(event)):
        account, amount = owed
        units = money.minor(amount(event), event.currency)
        if units < MOST:
            booked[account, event.currency] = units
    return booked


def move(placed: str, steps: Iterable[tuple[str, str, str | None]]) -> Booked:
    """What these steps of an order move; `placed` is the event that names its lines, as JSON."""
    moves = [one for step in steps for one in MOVES.get(step, ())]
    booked: Booked = {}
    if moves:
        for line in _lines(placed).lines:
            for account, times in moves:
                place = (account, line.sku)
                booked[place] = booked.get(place, 0) + times * line.quantity
    return booked


def receipt(event: events.StockReceived) -> Booked:
    return {(RECEIVED, event.sku): event.quantity}
