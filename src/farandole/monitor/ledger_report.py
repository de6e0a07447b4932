"""What a look at the ledger found, in the form in which it is asked for."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from farandole.contract import events, money
from farandole.messaging.envelope import rfc3339
from farandole.monitor import booking
from farandole.monitor.audit import Kind, Suspicion


class State(StrEnum):
    """`unseen`: not everything could be compared, and what could agrees."""

    AGREES = "agrees"
    MOVING = "moving"
    DRIFT = "drift"
    UNSEEN = "unseen"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference between the log and a service, since when, and whether it is a drift or still moves."""

    kind: Kind
    name: str
    drift: bool
    sentence: str
    since: str

    @classmethod
    def of(cls, found: Suspicion) -> "Finding":
        different = found.difference
        return cls(
            kind=different.kind,
            name=different.name,
            drift=found.drift,
            sentence=different.sentence,
            since=rfc3339(found.since),
        )


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders the log knows, by how they ended."""

    placed: int
    completed: int
    payment_failed: int
    failed: int
    under_way: int


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """The log's sums in one currency: of placed orders, of completed ones, of payments made and refused."""

    currency: events.CurrencyCode
    placed: str
    completed: str
    paid: str
    declined: str

    @classmethod
    def of(cls, currency: str, figures: Mapping[str, int]) -> "Amounts":
        accounts = (booking.PLACED, booking.COMPLETED, booking.PAID, booking.DECLINED)
        return cls(
            currency=currency,
            **{account: money.decimal(figures.get(account, 0), currency) for account in accounts},
        )


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU in the log and in the inventory; `under_way` is what orders wait for."""

    sku: str
    received: int
    reserved: int
    under_way: int
    inventory_on_hand: int
    inventory_reserved: int


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """`unseen` says of which services nothing is known, and why; `stock` are the SKUs of this look."""

    state: State
    looked_at: str
    unseen: dict[str, str]
    orders: Orders
    money: tuple[Amounts, ...]
    stock: tuple[Stock, ...]
    findings: tuple[Finding, ...]


def state(findings: Sequence[Finding], unseen: Mapping[str, str]) -> State:
    if any(found.drift for found in findings):
        return State.DRIFT
    if unseen:
        return State.UNSEEN
    return State.MOVING if findings else State.AGREES
