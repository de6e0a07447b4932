"""What is late and why: the causes of many orders by count and money, and the hops of one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from farandole.contract import money
from farandole.contract.choreography import ORDER
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import microseconds, rfc3339
from farandole.monitor import waiting, waiting_sums
from farandole.monitor.waiting import Taken
from farandole.monitor.waiting_sums import Queue
from farandole.web.doctor import causes
from farandole.web.doctor.causes import Cause, Letters
from farandole.web.doctor.look import SERVICES, Observation, Placed

LOOKED_AT: Final = 200
"""Orders of one queue that are walked one by one: the oldest."""
EXAMPLES: Final = 5


class Money(msgspec.Struct, frozen=True):
    currency: str
    amount: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that wait for the same cause; `sampled`: only the oldest of their queue were looked at one by one, and the
    count is of those."""

    summary: str
    cause: Cause
    orders: int
    money: tuple[Money, ...]
    since: str
    examples: tuple[str, ...]
    sampled: bool = False


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """`late` counts the orders whose next step did not come within `late_after` seconds; null: the monitor cannot read
    its own rows. `troubles` are wrong though no late order waits for them."""

    well: bool
    looked_at: str
    late_after: float
    late: int | None
    groups: tuple[Group, ...]
    troubles: tuple[Cause, ...]


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """A step that comes next: since when it could have been taken, whether it is late, and then why."""

    service: str
    step: str
    heard: str | None
    since: str
    late: bool
    cause: Cause | None


class OrderDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is over, on time or late."""

    order_id: str
    state: str
    sentence: str
    late_after: float
    hops: tuple[Hop, ...]


class Waits(msgspec.Struct, frozen=True):
    """One order that waits, wherever that is known from."""

    order_id: str
    since: int
    currency: str
    amount: int


Found = tuple[list[Queue], dict[tuple[str, str], list[Waits]]]


def read(transaction: Transaction, until: int) -> Found:
    """How many wait at each hop since before `until`, and the oldest of each."""
    queues = waiting_sums.late(transaction, until)
    places = dict.fromkeys((queue.service, queue.heard) for queue in queues)
    oldest = {
        place: [
            Waits(row.order_id, row.since, row.currency, row.amount)
            for row in waiting.oldest(transaction, place, until, LOOKED_AT)
        ]
        for place in places
    }
    return queues, oldest


def diagnosis(found: Found | None, seen: Observation, late_after: int) -> Diagnosis:
    """What is wrong; `found` is None while the monitor's own database is away."""
    groups = [*_unheard(seen, late_after), *(_groups(found, seen) if found else ())]
    groups.sort(key=lambda group: -group.orders)
    explained = {(group.cause.kind, group.cause.service) for group in groups}
    general = [
        cause for name in SERVICES for cause in (*causes.of_service(name, seen), causes.parked(name, seen)) if cause
    ]
    troubles = [cause for cause in general if (cause.kind, cause.service) not in explained and _lasts(cause, seen)]
    late = sum(queue.orders for queue in found[0]) + _count_unheard(seen, late_after) if found else None
    return Diagnosis(
        well=not groups and not troubles,
        looked_at=rfc3339(seen.at),
        late_after=late_after / 1e6,
        late=late,
        groups=tuple(groups),
        troubles=tuple(_once(troubles)),
    )


def of_order(
    order_id: str, taken: Sequence[Taken], stored: Placed | None, place: tuple[Observation, Letters, int]
) -> OrderDiagnosis:
    """Every hop that one order waits at; `stored` is what the order service has of it."""
    seen, letters, late_after = place
    if taken:
        steps = [(due.step.service, due.step.words, due.heard, due.since) for due in waiting.due(taken)]
    else:
        steps = [(ORDER, "Save order (PENDING)", None, stored.at if stored else seen.at)]
    hops = []
    for service, words, heard, since in steps:
        late = seen.at - since > late_after
        cause = causes.of_order((service, heard or ""), order_id, seen, letters) if late else None
        hops.append(Hop(service=service, step=words, heard=heard, since=rfc3339(since), late=late, cause=cause))
    state = "late" if any(hop.late for hop in hops) else "on time" if hops else "over"
    return OrderDiagnosis(
        order_id=order_id, state=state, sentence=_sentence(state, hops), late_after=late_after / 1e6, hops=tuple(hops)
    )


def _sentence(state: str, hops: Sequence[Hop]) -> str:
    if state == "over":
        return "every step of its dance is taken"
    told = [f"it waits at {hop.service} since {hop.since}: {hop.cause.sentence}" for hop in hops if hop.cause]
    if told:
        return "; ".join(dict.fromkeys(told))
    return f"it goes on: next is {' and '.join(f'{hop.service}, {hop.step}' for hop in hops)}"


def _groups(found: Found, seen: Observation) -> Iterable[Group]:
    """A queue whose oldest all wait for one cause waits for it as a whole; else those are told apart one by one."""
    queues, oldest = found
    for place, rows in oldest.items():
        told = _by_reason((row, causes.of_order(place, row.order_id, seen, seen.letters)) for row in rows)
        here = [queue for queue in queues if (queue.service, queue.heard) == place]
        for cause, waits in told:
            whole = len(told) == 1
            orders = sum(queue.orders for queue in here) if whole else len(waits)
            sums = (
                _sums((q.currency, q.amount) for q in here) if whole else _sums((w.currency, w.amount) for w in waits)
            )
            yield _group(place[0], cause, (orders, sums), waits, sampled=not whole and len(rows) == LOOKED_AT)


def _by_reason(told: Iterable[tuple[Waits, Cause]]) -> list[tuple[Cause, list[Waits]]]:
    """Orders under the cause of the first of those that wait for the same."""
    found: dict[tuple[str, ...], tuple[Cause, list[Waits]]] = {}
    for row, cause in told:
        found.setdefault(cause.reason, (cause, []))[1].append(row)
    return list(found.values())


def _unheard(seen: Observation, late_after: int) -> Iterable[Group]:
    """Orders that are stored and that nobody has heard of."""
    told = []
    for order_id, placed in seen.unheard.items():
        if seen.at - placed.at > late_after:
            row = Waits(order_id, placed.at, placed.currency, money.minor(placed.total, placed.currency))
            told.append((row, causes.of_order((ORDER, ""), order_id, seen, seen.letters)))
    for cause, rows in _by_reason(told):
        yield _group(ORDER, cause, (len(rows), _sums((row.currency, row.amount) for row in rows)), rows)


def _count_unheard(seen: Observation, late_after: int) -> int:
    return sum(seen.at - placed.at > late_after for placed in seen.unheard.values())


def _group(
    service: str, cause: Cause, size: tuple[int, Mapping[str, int]], rows: Sequence[Waits], *, sampled: bool = False
) -> Group:
    orders, sums = size
    at_stake = tuple(Money(currency, money.decimal(amount, currency)) for currency, amount in sums.items() if currency)
    words = [f"{orders:,} order{'' if orders == 1 else 's'}", *(f"{grouped(m.amount)} {m.currency}" for m in at_stake)]
    return Group(
        summary=f"{', '.join(words)}, wait{'s' if orders == 1 else ''} at {service}: {cause.sentence}",
        cause=cause,
        orders=orders,
        money=at_stake,
        since=rfc3339(min(row.since for row in rows)),
        examples=tuple(row.order_id for row in rows[:EXAMPLES]),
        sampled=sampled,
    )


def grouped(amount: str) -> str:
    """An amount with its thousands apart."""
    whole, point, fraction = amount.partition(".")
    return f"{int(whole):,}{point}{fraction}"


def _sums(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for currency, amount in amounts:
        sums[currency] += amount
    return dict(sorted(sums.items()))


def _lasts(cause: Cause, seen: Observation) -> bool:
    """Whether more than one look saw it: who has just started joins its group a moment later."""
    return cause.since is None or microseconds(cause.since) < seen.at


def _once(found: Iterable[Cause]) -> list[Cause]:
    """One trouble a sentence: Kafka is away from everybody."""
    return list({(cause.sentence, cause.kind): cause for cause in found}.values())
