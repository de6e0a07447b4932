"""Orders that are not over when they usually are: found once each along an index, so that a look costs the same
however many orders are stored, and recording a step costs nothing more."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from farandole.contract import events, money
from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, FLOWS, HAPPY, flow, flow_of
from farandole.messaging.database import Transaction
from farandole.messaging.step import Step
from farandole.monitor import waiting_sums
from farandole.monitor.storage import SWEPT, WAITING, recorded
from farandole.monitor.waiting_rows import Swept, Waiting

CHUNK: Final = 1000
"""Orders that one look takes up, and so many that it looks at again."""
ORDERS: Final = "orders"
FIRST: Final = "00000000-0000-0000-0000-000000000000"
"""Before every order."""
_BY_WORDS: Final = {(s.service, s.words, s.hears.topic or None): s for s in CHOREOGRAPHY}


class Taken(NamedTuple):
    """A recorded step, as much of it as tells what comes next."""

    order_id: str
    service: str
    step: str
    heard: str | None
    said: str | None
    recorded_at: int


class Begun(NamedTuple):
    """An order whose first step this process recorded, and when."""

    order_id: str
    recorded_at: int


class Due(NamedTuple):
    """A step that can be taken, since what it hears was recorded (microseconds)."""

    step: Step
    since: int

    @property
    def heard(self) -> str | None:
        return self.step.hears.topic or None


def due(taken: Sequence[Taken]) -> list[Due]:
    """The steps that come next, in the table's order; none when the dance is over or unheard of."""
    if not taken:
        return []
    since = {row.said: row.recorded_at for row in taken if row.said}
    first = min(row.recorded_at for row in taken)
    done = {_BY_WORDS[row.service, row.step, row.heard] for row in taken}
    name = flow_of(topic for row in taken for topic in (row.heard, row.said))
    missing = [step for step in flow(name) if step not in done]
    return [
        Due(step, since.get(step.hears.topic, first))
        for step in missing
        if step.hears is COMMAND or step.hears.topic in since
    ]


def steps(transaction: Transaction, order_ids: Iterable[str]) -> list[list[Taken]]:
    """What is recorded of each of these orders that anything is recorded of."""
    c = recorded.c
    wanted = sa.select(c.order_id, c.service, c.step, c.heard, c.said, c.recorded_at)
    found = transaction.connection.execute(wanted.where(c.order_id.in_(list(order_ids))).order_by(c.order_id)).all()
    rows = (Taken(*row) for row in found)
    return [list(order) for _, order in groupby(rows, key=lambda row: row.order_id)]


def sweep(transaction: Transaction, until: int) -> bool:
    """Take up orders first heard of before `until` that are not over; whether there are more to take up at once."""
    known = _swept(transaction)
    c, first = recorded.c, recorded.c.number == sa.literal_column("1")
    window = sa.select(c.recorded_at).where(first, c.recorded_at > known.until, c.recorded_at <= until)
    times = transaction.connection.scalars(window.order_by(c.recorded_at).limit(CHUNK)).all()
    if not times:
        return False
    begun = sa.select(c.order_id).where(first, c.recorded_at > known.until, c.recorded_at <= times[-1])
    _take_up(transaction, begun)
    transaction.advance(SWEPT, [Swept(ORDERS, times[-1])])
    return len(times) == CHUNK


def take_up(transaction: Transaction, begun: Iterable[Begun]) -> None:
    """Take up those of these orders that the sweep passed before they were recorded: by a clock that is behind another
    monitor's, or by a slow commit."""
    known = _swept(transaction)
    passed = [order.order_id for order in begun if order.recorded_at <= known.until]
    for first in range(0, len(passed), CHUNK):
        _take_up(transaction, passed[first : first + CHUNK])


def look_again(transaction: Transaction, after: str) -> tuple[str, int]:
    """Forget waiting orders that are over and note where the others wait now, from `after` on; where to go on, and
    how many were over."""
    _swept(transaction)  # what two take away at once would be taken from the sums twice
    table = WAITING.table
    rows = transaction.fetch(
        WAITING, sa.select(table).where(table.c.order_id > after).order_by(table.c.order_id).limit(CHUNK)
    )
    now = {taken[0].order_id: taken for taken in steps(transaction, [row.order_id for row in rows])}
    seen = {row.order_id: _waiting(now.get(row.order_id, ()), (row.currency, row.amount)) for row in rows}
    over = [order_id for order_id, waits in seen.items() if waits is None]
    moved = [waits for row in rows if (waits := seen[row.order_id]) and waits != row]
    if over:
        transaction.delete(WAITING, over)
    if moved:
        transaction.update(WAITING, moved)
    waiting_sums.change(transaction, [row for row in rows if seen[row.order_id] != row], moved)
    if len(rows) == CHUNK:
        return rows[-1].order_id, len(over)
    waiting_sums.count_anew(transaction)
    return FIRST, len(over)


def oldest(transaction: Transaction, place: tuple[str, str], until: int, limit: int) -> list[Waiting]:
    """The orders that wait longest at a service for a topic."""
    c = WAITING.table.c
    asked = sa.select(WAITING.table).where(c.service == place[0], c.heard == place[1], c.since <= until)
    return transaction.fetch(WAITING, asked.order_by(c.since, c.order_id).limit(limit))


def _swept(transaction: Transaction) -> Swept:
    """How far the sweep is; nobody else changes what waits until this transaction ends."""
    (known,) = transaction.select(SWEPT, [ORDERS], lock=True) or [Swept(ORDERS, 0)]
    return known


def _take_up(transaction: Transaction, begun: Sequence[str] | sa.Select[tuple[str]]) -> None:
    c = recorded.c
    unfinished = sa.select(c.order_id).where(c.order_id.in_(begun)).group_by(c.order_id).having(~_over())
    ids = transaction.connection.scalars(unfinished).all()
    new = sorted(set(ids) - {row.order_id for row in transaction.select(WAITING, ids)})
    if new:
        totals = _totals(transaction, new)
        seen = [_waiting(taken, totals.get(taken[0].order_id, ("", 0))) for taken in steps(transaction, new)]
        come = [waits for waits in seen if waits]
        transaction.insert(WAITING, come)
        waiting_sums.change(transaction, (), come)


def _over() -> sa.ColumnElement[bool]:
    """Whether the rows of an order are as many as its flow has steps: each is recorded once."""
    c = recorded.c
    lengths = [
        (
            sa.func.max(sa.case((sa.or_(c.said == failure.topic, c.heard == failure.topic), 1), else_=0)) == 1,
            len(flow(name)),
        )
        for name, failure in FLOWS.items()
        if failure
    ]
    return sa.func.count() >= sa.case(*lengths, else_=len(flow(HAPPY)))


def _waiting(taken: Sequence[Taken], total: tuple[str, int]) -> Waiting | None:
    following = due(taken)
    if not following:
        return None
    step, since = following[0]
    return Waiting(taken[0].order_id, since, step.service, step.hears.topic, *total)


def _totals(transaction: Transaction, order_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Currency and minor units of orders that were heard to be placed."""
    c = recorded.c
    asked = sa.select(c.order_id, c.value).where(c.order_id.in_(order_ids), c.said == events.OrderPlaced.topic)
    found: Sequence[Any] = transaction.connection.execute(asked).all()
    placed = {row[0]: msgspec.json.decode(row[1], type=events.OrderPlaced) for row in found}
    totals = {}
    for key, order in placed.items():
        with suppress(money.MalformedAmount):  # recorded by a version that did not look
            totals[key] = (order.currency, money.minor(order.total, order.currency))
    return totals
