"""What is observed of the system, from databases or from topics, in a form that invariants can be held against."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple


class StockFact(NamedTuple):
    sku: str
    available: int
    reserved: int


class ReceiptFact(NamedTuple):
    sku: str
    quantity: int


class OrderFact(NamedTuple):
    """`lines` are SKU and quantity, `sum` the lines' minor units, `channels` how many addresses the customer gave."""

    order_id: str
    status: str
    currency: str
    total: int
    sum: int
    lines: tuple[tuple[str, int], ...]
    channels: int


class ReservationFact(NamedTuple):
    order_id: str
    status: str
    lines: tuple[tuple[str, int], ...]


class PaymentFact(NamedTuple):
    order_id: str
    status: str
    currency: str
    amount: int


class NoticeFact(NamedTuple):
    order_id: str
    kind: str


class MessageFact(NamedTuple):
    order_id: str
    kind: str
    channel: str


class RecordFact(NamedTuple):
    """A record of a topic: the event's id, its cause's id (None: a command), and a fingerprint of key, headers and value."""

    topic: str
    order_id: str
    event_id: str
    causation: str | None
    fingerprint: str


@dataclass(frozen=True)
class Facts:
    """What is observed; None is not observed. Q and T look at orders whose dance is over."""

    orders: Sequence[OrderFact] | None = None
    stock: Sequence[StockFact] | None = None
    receipts: Sequence[ReceiptFact] | None = None
    reservations: Sequence[ReservationFact] | None = None
    payments: Sequence[PaymentFact] | None = None
    notices: Sequence[NoticeFact] | None = None
    messages: Sequence[MessageFact] | None = None
    records: Sequence[RecordFact] | None = None
    acknowledged: Sequence[str] | None = None

    def __or__(self, other: "Facts") -> "Facts":
        """Both observations together."""
        mine, theirs = ({f.name: getattr(x, f.name) for f in fields(Facts)} for x in (self, other))
        return Facts(**{name: mine[name] if mine[name] is not None else theirs[name] for name in mine})
