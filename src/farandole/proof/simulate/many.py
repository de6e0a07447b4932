"""Many histories on all cores, and what they add up to."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final, TypeVar

from farandole.proof.simulate.history import History, play
from farandole.proof.simulate.sightings import missing
from farandole.proof.simulate.sweep import QUIET, hit, scripts

T = TypeVar("T")
PIECE: Final = 25
"""Histories that a process plays before it reports."""
ENOUGH: Final = 300
"""Histories from which on everything that is wanted must have been seen."""
FAILURES: Final = 5
"""Failing histories that are kept; the others are counted."""


@dataclass
class Report:
    """`first` are the seeds drawn, `hits` the places of quiet histories that were hit; `seen` counts what happened."""

    seeds: tuple[int, int]
    histories: int = 0
    hits: int = 0
    orders: int = 0
    points: int = 0
    seconds: float = 0.0
    violations: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[History] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What a run that is large enough should have seen and did not."""
        return missing(self.seen) if self.histories >= ENOUGH else []

    def summary(self) -> dict[str, Any]:
        """The figures, for an evidence page."""
        figures = {name: value for name, value in vars(self).items() if name != "failures"}
        return figures | {"seen": dict(self.seen.most_common()), "missing": self.missing}

    def add(self, other: "Report") -> None:
        self.histories += other.histories
        self.hits += other.hits
        self.orders += other.orders
        self.points += other.points
        self.violations += other.violations
        self.seen += other.seen
        self.failures = (self.failures + other.failures)[:FAILURES]


Told = Callable[[Report], None]


def simulate(first: int, count: int, told: Told = lambda report: None, *, processes: int | None = None) -> Report:
    """Histories of seeds first, first + 1 …; `told` hears now and then how far it is."""
    report, began = Report((first, first + count)), time.monotonic()
    _share(_play_all, range(first, first + count), report, (told, processes))
    report.seconds = time.monotonic() - began
    return report


def sweep(
    told: Told = lambda report: None, *, names: Iterable[str] = QUIET, every: int = 1, processes: int | None = None
) -> Report:
    """Every place of the quiet histories, or every n-th, hit once in every way."""
    report, began = Report((0, 0)), time.monotonic()
    _share(_hit_all, [script for name in names for script in scripts(QUIET[name])][::every], report, (told, processes))
    report.hits, report.histories = report.histories, 0
    report.seconds = time.monotonic() - began
    return report


def _share(
    work: Callable[[Sequence[T]], Report], all_: Sequence[T], report: Report, how: tuple[Told, int | None]
) -> None:
    told, processes = how
    pieces = [all_[at : at + PIECE] for at in range(0, len(all_), PIECE)]
    if processes == 1 or len(pieces) == 1:
        for piece in pieces:
            report.add(work(piece))
            told(report)
        return
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done in pool.map(work, pieces):
            report.add(done)
            told(report)


def _collected(histories: Iterable[History]) -> Report:
    report = Report((0, 0))
    for history in histories:
        report.histories += 1
        report.orders += history.orders
        report.points += history.points
        report.seen += history.seen
        if history.violations:
            report.violations += 1
            report.failures += [history] if len(report.failures) < FAILURES else []
    return report


def _play_all(seeds: Sequence[int]) -> Report:
    return _collected(map(play, seeds))


def _hit_all(hits: Sequence[dict[str, int]]) -> Report:
    return _collected(map(hit, hits))
