"""Reading the ledger: entries are folded into balances, and every figure is the sum of both as of one moment."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from farandole.contract import events, money
from farandole.contract.choreography import CHOREOGRAPHY, COMMAND
from farandole.messaging.database import Transaction
from farandole.monitor import booking
from farandole.monitor.storage import balances, entries, received, recorded

BATCHES: Final = 500
"""Batches whose entries one fold takes up."""
OF_STOCK: Final = (booking.RECEIVED, booking.RESERVED, booking.RELEASED, booking.OPEN)
OF_MONEY: Final = (booking.PLACED, booking.COMPLETED, booking.PAID, booking.DECLINED)

Figures = dict[str, dict[str, int]]
"""Units by name and account."""


def fold(transaction: Transaction) -> bool:
    """Add entries to the balances; whether there may be more. What one process folds no other one can."""
    ask = transaction.connection.execute
    ids = sa.select(entries.c.event_id).distinct().limit(BATCHES)
    found = [row.event_id for row in ask(ids)]
    if not found:
        return False
    gone = sa.delete(entries).where(entries.c.event_id.in_(found))
    sums: Counter[booking.Place] = Counter()
    for account, name, units in ask(gone.returning(entries.c.account, entries.c.name, entries.c.units)):
        sums[account, name] += units
    changed = [{"a": account, "n": name, "u": units} for (account, name), units in sorted(sums.items()) if units]
    if changed:
        ask(_ADD, changed)
        touched = {row["n"] for row in changed}
        ask(sa.delete(balances).where(balances.c.units == 0, balances.c.name.in_(touched)))
    return len(found) == BATCHES


_ADD: Final = sa.text(
    "INSERT INTO ledger_balances AS b (account, name, units) VALUES (:a, :n, :u)"
    " ON CONFLICT (account, name) DO UPDATE SET units = b.units + excluded.units"
)


def figures(transaction: Transaction, accounts: Sequence[str]) -> Figures:
    """Every figure of some accounts; for those of which there are few."""
    return _figures(transaction, lambda table: table.c.account.in_(accounts))


def names(transaction: Transaction, account: str, after: str, most: int) -> list[str]:
    """The next names that an account has a balance of."""
    c = balances.c
    wanted = sa.select(c.name).where(c.account == account, c.name > after).order_by(c.name).limit(most)
    return list(transaction.connection.scalars(wanted))


def stock(transaction: Transaction, skus: Iterable[str]) -> Figures:
    wanted = list(skus)
    return _figures(transaction, lambda table: table.c.account.in_(OF_STOCK) & table.c.name.in_(wanted))


def _figures(transaction: Transaction, wanted: Callable[[sa.Table], sa.ColumnElement[bool]]) -> Figures:
    """One statement: between two a fold might move what was summed up already."""
    both = sa.union_all(
        *(sa.select(t.c.account, t.c.name, t.c.units).where(wanted(t)) for t in (balances, entries))
    ).subquery()
    found: Figures = {}
    for account, name, units in transaction.connection.execute(sa.select(both)):
        figures = found.setdefault(name, {})
        figures[account] = figures.get(account, 0) + units
    return found


def booked_before(connection: sa.Connection) -> Iterator[tuple[str, str, int]]:
    """What everything recorded so far books, for a ledger that begins later."""
    steps = {(s.service, s.words, None if s.hears is COMMAND else s.hears.topic): s for s in CHOREOGRAPHY}
    decoders = {kind.topic: msgspec.json.Decoder(kind) for kind in _SPOKEN}
    sums: Counter[booking.Place] = Counter()
    for order in _orders(connection):
        taken, placed = [], None
        for row in order:
            step = (row.service, row.step, row.heard)
            taken.append(step)
            decoder = decoders.get(row.said or events.StepTaken.topic)
            if decoder is not None:
                with suppress(money.MalformedAmount):  # versions before recorded what nobody decided
                    sums.update(booking.book(decoder.decode(row.value), steps[step]))
            if row.said == events.OrderPlaced.topic:
                placed = row.value
        if placed:
            sums.update(booking.move(placed, taken))
    goods = sa.select(received.c.sku, sa.func.sum(received.c.quantity)).group_by(received.c.sku)
    for sku, quantity in connection.execute(goods):
        sums[booking.RECEIVED, sku] += int(quantity)
    return ((*place, units) for place, units in sums.items() if units)


def _orders(connection: sa.Connection) -> Iterator[list[Any]]:
    """The recorded steps of every order, a thousand orders at a time."""
    c, after = recorded.c, None
    columns = (c.order_id, c.service, c.step, c.heard, c.said, c.value)
    while True:
        ids = sa.select(c.order_id).where(c.number == 1).order_by(c.order_id).limit(1000)
        found = connection.scalars(ids if after is None else ids.where(c.order_id > after)).all()
        if not found:
            return
        after = found[-1]
        rows = connection.execute(sa.select(*columns).where(c.order_id.in_(found)).order_by(c.order_id, c.number))
        yield from (list(order) for _, order in groupby(rows, key=lambda row: row.order_id))


_SPOKEN: Final = (
    events.OrderPlaced,
    events.OrderValidated,
    events.OrderPaid,
    events.OrderCompleted,
    events.PaymentFailed,
    events.OrderFailed,
    events.StepTaken,
)
