"""Stock is all or nothing per order; what is reserved is no longer available."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from farandole.contract import events
from farandole.contract.rows import StepRow
from farandole.messaging.decision import Row
from farandole.messaging.envelope import Cause, Event, Value


class Held(StrEnum):
    RESERVED = "RESERVED"
    RELEASED = "RELEASED"
    REJECTED = "REJECTED"


class Line(Value, frozen=True):
    sku: str
    quantity: int


class Stock(Row, frozen=True):
    """What is on hand of one SKU: free to promise, and promised."""

    sku: str
    available: int
    reserved: int


class Reservation(StepRow, frozen=True):
    """The answer to one order, RESERVED or REJECTED, with what it carries on; amount as the order said it."""

    outcome: str
    lines: tuple[Line, ...]
    short: tuple[str, ...]
    customer: events.Customer
    currency: str
    amount: str


class Release(StepRow, frozen=True):
    """A reservation was given back; its key admits one release an order."""


class Receipt(Row, frozen=True):
    """Goods came in."""

    receipt_id: str
    digest: str
    decided_at: int
    sku: str
    quantity: int

    @property
    def cause(self) -> Cause:
        return Cause(self.receipt_id, self.digest)


class ReceiveStock(Event, frozen=True):
    """The command behind a receipt."""

    topic: ClassVar[str] = ""
    receipt_id: str
    sku: str
    quantity: int

    @property
    def key(self) -> str:
        return self.sku


def needed(lines: Iterable[events.Line | Line]) -> tuple[Line, ...]:
    """The quantity of each SKU, in SKU order; several lines may name one SKU."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.sku] += line.quantity
    return tuple(Line(sku=sku, quantity=quantity) for sku, quantity in sorted(sums.items()))
