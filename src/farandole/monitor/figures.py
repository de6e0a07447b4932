"""What the statistics say: rates and quantiles of the last seconds, and curves of the last hours in a bounded number of points."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import sqlalchemy as sa

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, FLOWS
from farandole.messaging.database import Transaction
from farandole.messaging.step import Step
from farandole.monitor.statistics import SECONDS, WIDE, ended, series
from farandole.monitor.statistics_rows import BINS, BOUNDS
from farandole.monitor.storage import statistics, statistics_wide

POINTS: Final = 180
"""The most that a curve has."""
NARROW: Final = 60
"""Seconds up to which the width of a point is any number of rows; beyond, it is a number of wide rows."""
LATE: Final = 4
"""Seconds after which what was heard is usually added to the rows."""
FIRST: Final = next(step for step in CHOREOGRAPHY if step.hears is COMMAND)
NOTHING: Final = (0,) * (1 + len(BINS))


class Curves(NamedTuple):
    """Counts by series and point, each of `width` seconds from one of the points `at` on (seconds since 1970)."""

    at: range
    width: int
    counts: Mapping[str, Mapping[int, Sequence[int]]]

    def of(self, name: str) -> list[Sequence[int]]:
        known = self.counts.get(name, {})
        return [known.get(point, NOTHING) for point in self.at]

    def rates(self, name: str) -> list[float]:
        """How many a second."""
        return [round(counts[0] / self.width, 3) for counts in self.of(name)]

    def ends(self) -> list[Sequence[int]]:
        """Orders that are over, whatever their flow."""
        return [added(counts) for counts in zip(*(self.of(ended(name)) for name in FLOWS), strict=True)]


def curves(transaction: Transaction, now: int, minutes: int) -> Curves:
    """The last minutes up to a few seconds ago; `now` in microseconds."""
    at = points(now, minutes)
    return Curves(at, at.step, _sums(transaction, at.start, at.stop, at.step))


def points(now: int, minutes: int) -> range:
    """The points of a curve; the same ones for as long as one of them is."""
    width = _up(-(-minutes * 60 // POINTS), SECONDS)
    width = width if width <= NARROW else _up(width, WIDE)
    until = now // 1_000_000 - LATE
    until -= until % width
    return range(until - -(-minutes * 60 // width) * width, until, width)


def recent(transaction: Transaction, now: int, seconds: int) -> Curves:
    """One point: at least so many seconds up to now."""
    until = now // 1_000_000
    since = until - seconds
    since -= since % SECONDS
    width = until - since
    sums: dict[str, Mapping[int, Sequence[int]]] = {
        name: {since: added(list(found.values()))}
        for name, found in _sums(transaction, since, until + 1, SECONDS).items()
    }
    return Curves(range(since, since + 1), width, sums)


def quantile(counts: Sequence[int], part: float) -> int | None:
    """Microseconds below which a part of what was measured lies, between the bounds of its bin; None where nothing was."""
    return quantiles(counts, (part,))[0]


def quantiles(counts: Sequence[int], parts: Sequence[float]) -> list[int | None]:
    """Several of them, the bins added up once."""
    if not any(counts[1:]):
        return [None] * len(parts)
    below = list(accumulate(counts[1:], initial=0))
    return [_between(below, part * below[-1]) for part in parts]


def _between(below: Sequence[int], wanted: float) -> int:
    """`below` tells how many lie below each bin."""
    place = bisect_left(below, wanted) - 1
    low = BOUNDS[place - 1] if place else 0
    high = BOUNDS[place] if place < len(BOUNDS) else low
    return round(low + (high - low) * (wanted - below[place]) / (below[place + 1] - below[place]))


def added(counts: Sequence[Sequence[int]]) -> Sequence[int]:
    return [sum(numbers) for numbers in zip(*counts, strict=True)] if counts else NOTHING


def of_step(curves: Curves, step: Step) -> list[Sequence[int]]:
    return curves.of(series(step))


def _sums(transaction: Transaction, since: int, until: int, width: int) -> dict[str, dict[int, list[int]]]:
    """Read from so few rows a point as there can be."""
    c = (statistics if width % WIDE else statistics_wide).c
    point = (c.since - c.since % width).label("point")
    sums = (sa.func.sum(c[name]) for name in ("taken", *BINS))
    asked = sa.select(c.series, point, *sums).where(c.since >= since, c.since < until).group_by(c.series, point)
    found: dict[str, dict[int, list[int]]] = {}
    for name, at, *counts in transaction.connection.execute(asked):
        found.setdefault(name, {})[int(at)] = list(map(int, counts))
    return found


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
