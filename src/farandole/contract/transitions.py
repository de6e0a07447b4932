"""A3: what may become of a decided row between two looks at the same databases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from farandole.contract.facts import Facts
from farandole.contract.invariants import Finding

ONWARD: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "orders": {"PENDING": frozenset({"COMPLETED", "PAYMENT_FAILED", "FAILED"})},
    "reservations": {"RESERVED": frozenset({"RELEASED"})},
    "payments": {},
}
"""From which status a row may move, and where to; from any other never."""


def transition(before: Facts, after: Facts) -> Finding:
    """What moved otherwise than it may, changed beside its status, or is gone; None where nothing is seen twice."""
    seen = [
        (name, getattr(before, name), getattr(after, name))
        for name in ONWARD
        if getattr(before, name) is not None and getattr(after, name) is not None
    ]
    broken = [sentence for name, earlier, later in seen for sentence in _moved(name, earlier, later)]
    title = "statuses only move onward, nothing decided changes or goes"
    return Finding("A3", title, len(broken) if seen else None, tuple(broken[:5]))


def _moved(name: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    later = {row.order_id: row for row in after}
    for row in before:
        found = later.get(row.order_id)
        if found is None:
            yield f"{row.order_id}: its row among {name} is gone"
        elif found.status != row.status and found.status not in ONWARD[name].get(row.status, ()):
            yield f"{row.order_id}: {name} moved from {row.status} to {found.status}"
        elif found._replace(status=row.status) != row:
            yield f"{row.order_id}: {name} changed from {row} to {found}"
