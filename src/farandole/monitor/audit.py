"""The log's figures beside the services' own: what differs, and whether something under way explains it.

A difference is a drift only when it stays the same for a while in which the monitor hears everything; until then it moves."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from farandole.contract import money
from farandole.monitor import booking

SHORT: Final = 5_000_000
"""Microseconds after which figures that stay apart contradict each other."""
LONG: Final = 20_000_000
"""The same where the service may be ahead of the log: another process says within this what a killed one did not."""
LOOKS: Final = 3
"""Looks at which a drift was there, at least."""


class Kind(StrEnum):
    STOCK = "stock"
    ORDER = "order"
    PAYMENT = "payment"
    MONEY = "money"


class Difference(NamedTuple):
    """What differs in a sentence; `shape` is what must stay the same, `patience` None while something under way explains it."""

    kind: Kind
    name: str
    sentence: str
    shape: Hashable
    patience: int | None


@dataclass
class Suspicion:
    difference: Difference
    since: int
    looks: int = 1
    drift: bool = False


class Watch:
    """Remembers differences from look to look."""

    def __init__(self) -> None:
        self.known: dict[tuple[Kind, str], Suspicion] = {}

    def observe(self, now: int, kind: Kind, found: Mapping[str, Difference | None], *, steady: bool) -> None:
        """Take in one look at some names, each with what differs; `steady` while the monitor hears everything at once."""
        for name, difference in found.items():
            if difference is None:
                self.known.pop((kind, name), None)
            else:
                self.known[kind, name] = _again(self.known.get((kind, name)), difference, now, steady)

    def unseen(self, kind: Kind) -> None:
        """A service did not answer: what was not yet a drift begins anew."""
        self.known = {place: one for place, one in self.known.items() if place[0] != kind or one.drift}

    def names(self, kind: Kind, most: int) -> list[str]:
        """What to look at again, the oldest suspicions first."""
        found = sorted((one.since, name) for (of, name), one in self.known.items() if of is kind)
        return [name for _, name in found[:most]]

    def forget(self, kind: Kind, most: int) -> None:
        """Keep only so many, the oldest: what differs a moment after it happened will be met again."""
        kept = set(self.names(kind, most))
        self.known = {(of, name): one for (of, name), one in self.known.items() if of is not kind or name in kept}


def _again(before: Suspicion | None, difference: Difference, now: int, steady: bool) -> Suspicion:
    if before is None or difference.patience is None:
        return Suspicion(difference, before.since if before else now)
    if before.drift:
        return Suspicion(difference, before.since, before.looks + 1, True)
    if not steady or before.difference.patience is None or before.difference.shape != difference.shape:
        return Suspicion(difference, now)
    looks, stayed = before.looks + 1, now - before.since
    return Suspicion(difference, before.since, looks, looks >= LOOKS and stayed >= difference.patience)


def stock(sku: str, log: Mapping[str, int], service: tuple[int, int] | None) -> Difference | None:
    """Stock of one SKU; `service` is what is available and reserved there, None where it does not know the SKU."""
    received, under_way = log.get(booking.RECEIVED, 0), log.get(booking.OPEN, 0)
    held = log.get(booking.RESERVED, 0) - log.get(booking.RELEASED, 0)
    available, reserved = service or (0, 0)
    goods, more = available + reserved - received, reserved - held
    if held > received:
        said = f"{sku}: the log says that {held} are reserved of {received} received: oversold"
        return Difference(Kind.STOCK, sku, said, ("oversold", held - received), LONG)
    if goods:
        on_hand = f"{available + reserved} ({available} available, {reserved} reserved)" if service else "no such SKU"
        said = f"{sku}: the log says {received} received, the inventory says {on_hand}: {_by(goods)}"
        return Difference(Kind.STOCK, sku, said, ("goods", goods, received), LONG if goods > 0 else SHORT)
    if more:
        said = f"{sku}: the log says {held} reserved, the inventory says {reserved}: {_by(more)}"
        explained = abs(more) <= abs(under_way)
        return Difference(Kind.STOCK, sku, said, ("reserved", held, reserved, available), None if explained else SHORT)
    return None


def _by(gap: int) -> str:
    return f"{abs(gap)} too {'many' if gap > 0 else 'few'}"


class Told(NamedTuple):
    """What the log or a service says of an order or a payment; an amount is as it is written outside."""

    status: str
    currency: str
    amount: str


PENDING: Final = "PENDING"


def order(order_id: str, log: Told | None, service: Told) -> Difference | None:
    return _compared(Kind.ORDER, order_id, "order service", log, service)


def payment(order_id: str, log: Told | None, service: Told) -> Difference | None:
    return _compared(Kind.PAYMENT, order_id, "payment service", log, service)


def _compared(kind: Kind, name: str, who: str, log: Told | None, service: Told) -> Difference | None:
    if log == service:
        return None
    if log is None:
        said = f"{name}: the log knows nothing of it, the {who} says {_said(service)}"
        return Difference(kind, name, said, (None, service), LONG)
    said = f"{name}: the log says {_said(log)}, the {who} says {_said(service)}"
    ahead = log.status == PENDING and log[1:] == service[1:]
    return Difference(kind, name, said, (log, service), LONG if ahead else SHORT)


def _said(told: Told) -> str:
    return f"{told.status}, {told.amount} {told.currency}"


def under_way(orders: Mapping[str, int]) -> int:
    """Orders that were placed and have not ended."""
    return orders.get("PLACED", 0) - sum(orders.get(outcome, 0) for outcome in booking.OUTCOMES)


def monies(log: Mapping[str, Mapping[str, int]], orders: Mapping[str, int]) -> dict[str, Difference | None]:
    """By currency, whether what was paid is what completed orders owe; while orders are under way more may be paid."""
    return {name: _money(name, figures, under_way(orders)) for name, figures in log.items()}


def _money(currency: str, log: Mapping[str, int], way: int) -> Difference | None:
    paid, owed = log.get(booking.PAID, 0), log.get(booking.COMPLETED, 0)
    if paid == owed:
        return None
    amounts = (money.decimal(units, currency) for units in (owed, paid))
    said = "{}: completed orders owe {}, {} was paid".format(currency, *amounts)
    return Difference(Kind.MONEY, currency, said, (paid, owed), None if way > 0 and paid > owed else SHORT)
