"""How many orders wait for what, and their money, kept by whoever adds, moves or removes one in the same transaction."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import sqlalchemy as sa

from farandole.contract.choreography import CHOREOGRAPHY
from farandole.messaging.database import Transaction
from farandole.monitor.booking import MOST
from farandole.monitor.storage import waiting, waiting_sums
from farandole.monitor.waiting_rows import Waiting

SERVICES: Final = sorted({str(step.service) for step in CHOREOGRAPHY})
TOPICS: Final = sorted({step.hears.topic for step in CHOREOGRAPHY})


class Queue(NamedTuple):
    """Orders that wait at one service for one topic (empty: to be placed), with one currency."""

    service: str
    heard: str
    currency: str
    orders: int
    amount: int


def change(transaction: Transaction, gone: Iterable[Waiting], come: Iterable[Waiting]) -> None:
    """Take orders that wait no longer from the sums, and add those that do now."""
    changed: Counter[tuple[str, str, str]] = Counter()
    amounts: Counter[tuple[str, str, str]] = Counter()
    for rows, sign in ((gone, -1), (come, 1)):
        for row in rows:
            place = row.service, row.heard, row.currency
            changed[place] += sign
            amounts[place] += sign * (row.amount if row.amount < MOST else 0)
    sums = [Queue(*place, orders, amounts[place]) for place, orders in sorted(changed.items())]
    if moved := [queue._asdict() for queue in sums if queue.orders or queue.amount]:
        transaction.connection.execute(_ADD, moved)


def count_anew(transaction: Transaction) -> None:
    """Put right what another version of this program, or somebody's hand, changed without the sums."""
    c, s = waiting.c, waiting_sums.c
    counted = sa.select(c.service, c.heard, c.currency, sa.func.count(), sa.func.sum(_AMOUNT))
    counted = counted.group_by(c.service, c.heard, c.currency)
    found = {Queue(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in transaction.connection.execute(counted)}
    kept = {Queue._make(row) for row in transaction.connection.execute(sa.select(waiting_sums).where(s.orders != 0))}
    if found != kept:
        transaction.connection.execute(sa.delete(waiting_sums))
        if found:
            transaction.connection.execute(sa.insert(waiting_sums), [queue._asdict() for queue in sorted(found)])


def late(transaction: Transaction, until: int) -> list[Queue]:
    """How many orders wait for what since before `until`: all that wait but those that came since, in one statement."""
    c = waiting.c
    place = c.service, c.heard, c.currency
    here = c.service.in_(SERVICES), c.heard.in_(TOPICS), c.since > until
    since = sa.select(*place, -sa.func.count(), -sa.func.sum(_AMOUNT)).where(*here).group_by(*place)
    both = sa.union_all(sa.select(waiting_sums), since).subquery()
    orders = sa.func.sum(both.c.orders)
    sums = sa.select(*list(both.c)[:3], orders, sa.func.sum(both.c.amount)).group_by(*list(both.c)[:3])
    found = transaction.connection.execute(sums.having(orders > 0))
    return [Queue(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in found]


_AMOUNT: Final = sa.case((waiting.c.amount < MOST, waiting.c.amount), else_=0)
"""What is forged to overflow sums counts for none."""
_ADD: Final = sa.text(
    "INSERT INTO waiting_sums AS s (service, heard, currency, orders, amount)"
    " VALUES (:service, :heard, :currency, :orders, :amount) ON CONFLICT (service, heard, currency)"
    " DO UPDATE SET orders = s.orders + excluded.orders, amount = s.amount + excluded.amount"
)
