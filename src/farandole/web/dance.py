"""An order's dance as a page shows it: what was recorded beside what is still expected, with times since the POST."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from farandole.contract.choreography import COMMAND, flow
from farandole.messaging.envelope import rfc3339
from farandole.messaging.step import Step
from farandole.monitor.domain import Recorded
from farandole.monitor.timeline import expected, in_causal_order, step_of
from farandole.web.drawing import Drawn
from farandole.web.spans import span

COARSE: Final = 1000
"""Microseconds by which a transport's time may lie before a decision that came first: Kafka counts whole milliseconds."""


class Hop(NamedTuple):
    """One way from a decision to the next: `waited` from the record heard being in its topic to the decision, `published`
    from the decision to its own record being in its topic, in microseconds; None where that is not known."""

    row: Recorded
    since: int
    start: int
    waited: int | None
    published: int | None

    @property
    def end(self) -> int:
        return self.since + (self.published or 0)


def drawn(rows: Sequence[Recorded], usual: Mapping[Step, int]) -> list[Drawn]:
    """Recorded steps with their times, expected ones with what is usual; everything expected while nothing is recorded."""
    zero = _zero(rows)
    taken = [_taken(row, zero) for row in in_causal_order(rows)]
    coming = [Drawn(step, usual=span(usual[step]) if step in usual else None) for step in _expected(rows)]
    return [*taken, *coming]


def hops(rows: Sequence[Recorded]) -> list[Hop]:
    """Where the time went, step by step in the order of decision."""
    zero, by_id = _zero(rows), {row.event_id: row for row in rows}
    return [_hop(row, by_id.get(row.causation or ""), zero) for row in sorted(rows, key=_decided)]


class Awaited(NamedTuple):
    """A step whose event was said so many microseconds ago, and how long it usually takes where that was measured."""

    step: Step
    micros: int
    usual: int | None


def awaited(rows: Sequence[Recorded], usual: Mapping[Step, int], now: int) -> list[Awaited]:
    """The steps that could have been taken by now."""
    said = {row.said: row.decided_at for row in rows if row.said}
    due = [step for step in expected(rows) if step.hears.topic in said]
    return [Awaited(step, max(0, now - said[step.hears.topic]), usual.get(step)) for step in due]


def headers(row: Recorded) -> dict[str, str]:
    """The CloudEvents attributes of a record that the monitor has checked or kept."""
    kept = {
        "ce_specversion": "1.0",
        "ce_id": row.event_id,
        "ce_type": topic(row),
        "ce_subject": row.order_id,
        "ce_time": rfc3339(row.decided_at),
    }
    return kept | ({"ce_causationid": row.causation} if row.causation else {})


def topic(row: Recorded) -> str:
    """Where the record of a step is."""
    return row.said or "saga.steps"


def payload(row: Recorded) -> str:
    """The event, to read."""
    return msgspec.json.format(row.value, indent=2)


def _expected(rows: Sequence[Recorded]) -> Sequence[Step]:
    return expected(rows) if rows else flow("happy")


def _zero(rows: Sequence[Recorded]) -> int:
    """When the order was placed or, where that is not recorded (yet), the first thing that is."""
    placed = [row.decided_at for row in rows if step_of(row).hears is COMMAND]
    return min(placed or [row.decided_at for row in rows], default=0)


def _taken(row: Recorded, zero: int) -> Drawn:
    landed = None if row.landed_at is None else _not_before(row.landed_at, row.decided_at)
    return Drawn(
        step_of(row),
        since=f"+{span(row.decided_at - zero)}".replace("+\N{MINUS SIGN}", "\N{MINUS SIGN}"),
        moment=rfc3339(row.decided_at),
        landed_since=None if landed is None else f"+{span(landed - zero)}",
        landed_moment=None if row.landed_at is None else rfc3339(row.landed_at),
        repeats=row.repeats or 0,
    )


def _hop(row: Recorded, cause: Recorded | None, zero: int) -> Hop:
    since = row.decided_at - zero
    heard_of = cause.landed_at if cause else None
    waited = None if heard_of is None or cause is None else row.decided_at - _not_before(heard_of, cause.decided_at)
    published = None if row.landed_at is None else _not_before(row.landed_at, row.decided_at) - row.decided_at
    return Hop(row, since, since - max(waited or 0, 0), waited, published)


def _not_before(landed: int, decided: int) -> int:
    return decided if decided - COARSE < landed < decided else landed


def _decided(row: Recorded) -> tuple[int, int]:
    return row.decided_at, row.number
