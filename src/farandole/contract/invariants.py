"""What must always hold, as functions over facts; used by tests, benchmarks, the running services and the proofs.

A holds in every committed state of one database, Q among orders whose dance is over, T over the topics.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from farandole.contract.facts import Facts, PaymentFact, ReservationFact

EXAMPLES: Final = 5


@dataclass(frozen=True)
class Invariant:
    """`needs` names the facts without which it is not observed; `broken` yields a sentence for each violation."""

    id: str
    title: str
    needs: tuple[str, ...]
    broken: Callable[[Any], Iterator[str]]


class Finding(NamedTuple):
    """How often an invariant is violated; None where it cannot be computed from what is observed."""

    id: str
    title: str
    violations: int | None
    examples: tuple[str, ...] = ()


def findings(facts: Facts) -> list[Finding]:
    """Every invariant held against the facts."""
    return [_find(invariant, facts) for invariant in INVARIANTS]


def _find(invariant: Invariant, facts: Facts) -> Finding:
    if any(getattr(facts, name) is None for name in invariant.needs):
        return Finding(invariant.id, invariant.title, None)
    sentences = invariant.broken(facts)
    examples = tuple(islice(sentences, EXAMPLES))
    return Finding(invariant.id, invariant.title, len(examples) + sum(1 for _ in sentences), examples)


def _stock_adds_up(facts: Any) -> Iterator[str]:
    received: Counter[str] = Counter()
    for receipt in facts.receipts:
        received[receipt.sku] += receipt.quantity
    for sku, available, reserved in facts.stock:
        if available < 0 or reserved < 0 or available + reserved != received[sku]:
            yield f"{sku}: {available} available, {reserved} reserved, {received[sku]} received"
    for sku in received.keys() - {row.sku for row in facts.stock}:
        yield f"{sku}: {received[sku]} received, no stock row"


def _reserved_adds_up(facts: Any) -> Iterator[str]:
    held = _held(facts.reservations)
    for sku, _, reserved in facts.stock:
        if reserved != held[sku]:
            yield f"{sku}: {reserved} reserved, {held[sku]} in reservations"
    for sku in held.keys() - {row.sku for row in facts.stock}:
        yield f"{sku}: {held[sku]} in reservations, no stock row"


def _held(reservations: Iterable[ReservationFact]) -> Counter[str]:
    held: Counter[str] = Counter()
    for reservation in reservations:
        if reservation.status == "RESERVED":
            for sku, quantity in reservation.lines:
                held[sku] += quantity
    return held


def _one_each(*names: str) -> Callable[[Any], Iterator[str]]:
    def broken(facts: Any) -> Iterator[str]:
        for name in names:
            keys = Counter(
                tuple(row) if name in ("notices", "messages") else row.order_id for row in getattr(facts, name)
            )
            yield from (f"{key}: {count} {name}" for key, count in keys.items() if count > 1)

    return broken


def _totals_add_up(facts: Any) -> Iterator[str]:
    for order in facts.orders:
        if order.total != order.sum:
            yield f"{order.order_id}: total {order.total}, lines {order.sum}"


def _all_ended(facts: Any) -> Iterator[str]:
    for order in facts.orders:
        if order.status == "PENDING":
            yield f"{order.order_id}: still PENDING"


def _all_acknowledged(facts: Any) -> Iterator[str]:
    yield from (f"{key}: acknowledged and lost" for key in set(facts.acknowledged) - {o.order_id for o in facts.orders})


def _together(status: str, reservation: str, payment: str | None, kind: str) -> Callable[[Any], Iterator[str]]:
    """An order has a status exactly when its reservation, payment and notice have theirs."""

    def broken(facts: Any) -> Iterator[str]:
        orders = {o.order_id: o for o in facts.orders}
        held = {r.order_id: r.status for r in facts.reservations}
        paid: Mapping[str, PaymentFact] = {p.order_id: p for p in facts.payments}
        told = defaultdict(list)
        for order_id, found in ((n.order_id, n.kind) for n in facts.notices):
            told[order_id].append(found)
        for key in orders.keys() | held.keys() | paid.keys() | told.keys():
            order, money = orders.get(key), paid.get(key)
            seen = (
                order.status == status if order else False,
                held.get(key) == reservation,
                (money.status if money else None) == payment
                if payment
                else money is None and held.get(key) == reservation,
                told[key] == [kind],
            )
            same_amount = not (order and money) or (money.currency, money.amount) == (order.currency, order.total)
            if any(seen) and not (all(seen) and same_amount):
                found = f"order {order.status if order else None}, reservation {held.get(key)}"
                yield f"{key}: {found}, payment {money[1:] if money else None}, told {told[key]}"

    return broken


def _not_oversold(facts: Any) -> Iterator[str]:
    received: Counter[str] = Counter()
    for receipt in facts.receipts:
        received[receipt.sku] += receipt.quantity
    sold: Counter[str] = Counter()
    for order in facts.orders:
        if order.status == "COMPLETED":
            for sku, quantity in order.lines:
                sold[sku] += quantity
    yield from (f"{sku}: {sold[sku]} sold, {received[sku]} received" for sku in sold if sold[sku] > received[sku])
    placed = {order.order_id for order in facts.orders}
    for name in ("reservations", "payments", "notices"):
        yield from (f"{r.order_id}: {name} without an order" for r in getattr(facts, name) if r.order_id not in placed)


def _money_adds_up(facts: Any) -> Iterator[str]:
    owed: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for order in facts.orders:
        owed[order.currency] += order.total if order.status == "COMPLETED" else 0
    for payment in facts.payments:
        paid[payment.currency] += payment.amount if payment.status == "COMPLETED" else 0
    for currency in owed.keys() | paid.keys():
        if owed[currency] != paid[currency]:
            yield f"{currency}: completed orders {owed[currency]}, completed payments {paid[currency]}"


def _every_message(facts: Any) -> Iterator[str]:
    channels = {order.order_id: order.channels for order in facts.orders}
    sent = Counter((message.order_id, message.kind) for message in facts.messages)
    due = {(order_id, kind): channels.get(order_id, 0) for order_id, kind in facts.notices}
    for key in due.keys() | sent.keys():
        if sent[key] != due.get(key):
            yield f"{key[0]}: {due.get(key)} addresses to tell {key[1]}, {sent[key]} messages"


def _every_decision_published(facts: Any) -> Iterator[str]:
    for order_id, topic in sorted(_decided(facts) - _published(facts)):
        yield f"{order_id}: decided, and {topic} has nothing of it"


def _every_record_decided(facts: Any) -> Iterator[str]:
    for order_id, topic in sorted(_published(facts) - _decided(facts)):
        yield f"{order_id}: {topic} has it, and nobody decided it"


def _decided(facts: Any) -> set[tuple[str, str]]:
    """Order and topic of every event that a committed decision says."""
    said = {(order.order_id, "order.placed") for order in facts.orders}
    said |= {(order.order_id, "order.completed") for order in facts.orders if order.status == "COMPLETED"}
    said |= {(r.order_id, "order.failed" if r.status == "REJECTED" else "order.validated") for r in facts.reservations}
    return said | {(p.order_id, "order.paid" if p.status == "COMPLETED" else "payment.failed") for p in facts.payments}


def _published(facts: Any) -> set[tuple[str, str]]:
    return {(record.order_id, record.topic) for record in facts.records if record.topic != "saga.steps"}


def _same_bytes(facts: Any) -> Iterator[str]:
    seen: dict[str, str] = {}
    for record in facts.records:
        if seen.setdefault(record.event_id, record.fingerprint) != record.fingerprint:
            yield f"{record.event_id}: two copies differ on {record.topic}"


def _causes_present(facts: Any) -> Iterator[str]:
    ids = {record.event_id for record in facts.records}
    said = defaultdict(set)
    for record in facts.records:
        said[record.order_id].add(record.topic)
        if record.causation is not None and record.causation not in ids:
            yield f"{record.event_id}: its cause {record.causation} is in no topic"
    for order_id, topics in said.items():
        for pair in ({"order.paid", "payment.failed"}, {"order.validated", "order.failed"}):
            if pair <= topics:
                yield f"{order_id}: both {' and '.join(sorted(pair))}"


_ALL = ("orders", "reservations", "payments", "notices")
_SAID = ("orders", "reservations", "payments", "records")

INVARIANTS: Final = (
    Invariant("A1", "on hand is what came in, never negative", ("stock", "receipts"), _stock_adds_up),
    Invariant("A2", "reserved stock is the sum of reservations", ("stock", "reservations"), _reserved_adds_up),
    Invariant("A4r", "at most one reservation an order", ("reservations",), _one_each("reservations")),
    Invariant("A4p", "at most one payment an order", ("payments",), _one_each("payments")),
    Invariant("A4n", "one notification a kind and channel", ("notices", "messages"), _one_each("notices", "messages")),
    Invariant("A5", "an order's total is the sum of its lines", ("orders",), _totals_add_up),
    Invariant("Q1", "every order ended", ("orders",), _all_ended),
    Invariant("Q1a", "every acknowledged order is there", ("orders", "acknowledged"), _all_acknowledged),
    Invariant(
        "Q2",
        "completed orders are reserved, paid and told",
        _ALL,
        _together("COMPLETED", "RESERVED", "COMPLETED", "completed"),
    ),
    Invariant(
        "Q3",
        "orders whose payment failed are released and told",
        _ALL,
        _together("PAYMENT_FAILED", "RELEASED", "FAILED", "payment_failed"),
    ),
    Invariant(
        "Q4", "failed orders are rejected, unpaid and told", _ALL, _together("FAILED", "REJECTED", None, "failed")
    ),
    Invariant("Q4m", "one message for each address", ("orders", "notices", "messages"), _every_message),
    Invariant("Q5", "nothing is oversold or without its order", (*_ALL, "receipts"), _not_oversold),
    Invariant("Q6", "money paid is money owed", ("orders", "payments"), _money_adds_up),
    Invariant("T1", "every decision is in its topic", _SAID, _every_decision_published),
    Invariant("T1r", "every record in a topic was decided", _SAID, _every_record_decided),
    Invariant("T2", "copies of an event are the same", ("records",), _same_bytes),
    Invariant("T3", "every cause is there, no contradiction", ("records",), _causes_present),
)
