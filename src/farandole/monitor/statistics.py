"""How much happens and how long it takes, counted in memory as records are heard and added to ten-second rows now and then.

Several processes add to the same rows. What a process that is killed has not yet added is not counted: these are figures to look
at; what must be exact is the ledger's."""

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, FLOWS, flow
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.step import Step
from farandole.monitor.domain import Recorded, Timeline
from farandole.monitor.statistics_rows import BINS, BOUNDS
from farandole.monitor.storage import recorded, statistics, statistics_wide

SECONDS: Final = 10
"""How long a row is counted for."""
WIDE: Final = 120
"""And a wide row."""
KEPT: Final = 86_400
"""Seconds for which rows are kept."""
REMEMBERED: Final = 10_000
"""Events of which at least is remembered when they were said, to measure the steps that hear of them."""
LOOKED_UP: Final = 500
"""Steps, between two times of adding up, whose cause is looked up when it is not remembered; beyond them a step is counted and
not measured."""
_SECOND: Final = 1_000_000

Cells = dict[tuple[int, str], list[int]]
"""By time and series: how many, and how many of them in each bin."""


def series(step: Step) -> str:
    return _name(step.service, step.words, None if step.hears is COMMAND else step.hears.topic)


def ended(name: str) -> str:
    """The series of orders that danced a flow to its end."""
    return f"flow/{name}"


def _name(service: str, words: str, heard: str | None) -> str:
    return f"{service}/{words}/{heard or ''}"


_WHOLE: Final[Mapping[frozenset[tuple[str, str, str | None]], str]] = {
    frozenset((s.service, s.words, None if s.hears is COMMAND else s.hears.topic) for s in flow(name)): ended(name)
    for name in FLOWS
}
_FIRST: Final = frozenset(series(step) for step in CHOREOGRAPHY if step.hears is COMMAND)


class Unmeasured(NamedTuple):
    """A step that was counted, and whose cause is not remembered."""

    cell: tuple[int, str]
    cause: str
    decided_at: int


class Counted(NamedTuple):
    cells: Cells
    unmeasured: tuple[Unmeasured, ...]


class Tally:
    """What was heard since it was last taken; filled by one thread and taken by another."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._cells: Cells = {}
        self._unmeasured: deque[Unmeasured] = deque(maxlen=LOOKED_UP)
        self._said: dict[str, int] = {}
        self._said_before: dict[str, int] = {}

    def hear(self, decisions: Iterable[tuple[Heard[Any], Decision]]) -> None:
        """Count what is recorded for the first time."""
        with self._guard:
            for _, decision in decisions:
                grown = next((row for row in decision.rows if isinstance(row, Timeline)), None)
                if grown is not None and isinstance(decision.guard, Recorded):
                    self._count(decision.guard, grown)

    def take(self) -> Counted:
        with self._guard:
            taken = Counted(self._cells, tuple(self._unmeasured))
            self._cells = {}
            self._unmeasured.clear()
        return taken

    def give_back(self, taken: Counted) -> None:
        """It could not be added: it is added the next time."""
        with self._guard:
            for cell, counts in taken.cells.items():
                _add(self._cells, cell, counts)
            self._unmeasured.extendleft(reversed(taken.unmeasured[: LOOKED_UP - len(self._unmeasured)]))

    def _count(self, row: Recorded, grown: Timeline) -> None:
        if len(self._said) >= REMEMBERED:
            self._said_before, self._said = self._said, {}
        self._said[row.event_id] = row.decided_at
        said_at = min(row.decided_at, row.recorded_at)
        if said_at < row.recorded_at - KEPT * _SECOND:
            return
        since = said_at // _SECOND
        since -= since % SECONDS
        cell = since, _name(row.service, row.step, row.heard)
        self._put(cell, self._took(cell, row))
        if whole := _WHOLE.get(grown.steps):
            placed = placed_at(row.order_id)
            self._put((since, whole), None if placed is None else row.decided_at - placed)

    def _took(self, cell: tuple[int, str], row: Recorded) -> int | None:
        if row.causation is None or cell[1] in _FIRST:
            return None
        said = self._said.get(row.causation) or self._said_before.get(row.causation)
        if said is None:
            self._unmeasured.append(Unmeasured(cell, row.causation, row.decided_at))
            return None
        return row.decided_at - said

    def _put(self, cell: tuple[int, str], took: int | None) -> None:
        counts = self._cells.setdefault(cell, [0] * (1 + len(BINS)))
        counts[0] += 1
        if took is not None:
            counts[_place(took)] += 1


def placed_at(order_id: str) -> int | None:
    """Microseconds at which an order got its id (a UUID of version 7), to the millisecond."""
    return int(order_id[:8] + order_id[9:13], 16) * 1000 if order_id[14:15] == "7" else None


def keep(transaction: Transaction, counted: Counted, now: int) -> None:
    """Add to the rows, and forget those that are too old."""
    cells = {cell: list(counts) for cell, counts in counted.cells.items()}
    said = _said(transaction, {step.cause for step in counted.unmeasured})
    for step in counted.unmeasured:
        if step.cause in said:
            late = [0] * (1 + len(BINS))
            late[_place(step.decided_at - said[step.cause])] = 1
            _add(cells, step.cell, late)
    wide: Cells = {}
    for (since, name), counts in cells.items():
        _add(wide, (since - since % WIDE, name), counts)
    for table, added, kept in ((statistics, cells, KEPT), (statistics_wide, wide, KEPT + WIDE)):
        rows = [
            {"since": cell[0], "series": cell[1], **dict(zip(_SUMS, added[cell], strict=True))}
            for cell in sorted(added)
        ]
        transaction.connection.execute(_ADD[table], rows)
        transaction.connection.execute(sa.delete(table).where(table.c.since < now // _SECOND - kept))


def _said(transaction: Transaction, event_ids: set[str]) -> dict[str, int]:
    if not event_ids:
        return {}
    asked = sa.select(recorded.c.event_id, recorded.c.decided_at).where(recorded.c.event_id.in_(sorted(event_ids)))
    return {row[0]: row[1] for row in transaction.connection.execute(asked)}


def _add(cells: Cells, cell: tuple[int, str], counts: list[int]) -> None:
    known = cells.get(cell)
    cells[cell] = list(counts) if known is None else [a + b for a, b in zip(known, counts, strict=True)]


def _place(micros: int) -> int:
    """Where in a cell spans like this are counted; below zero, where clocks disagree, is the least."""
    return 1 + bisect_left(BOUNDS, micros)


_SUMS: Final = ("taken", *BINS)
_ADD: Final = {
    table: sa.text(
        f"INSERT INTO {table.name} AS s (since, series, {', '.join(_SUMS)})"
        f" VALUES (:since, :series, {', '.join(f':{name}' for name in _SUMS)})"
        f" ON CONFLICT (since, series) DO UPDATE SET {', '.join(f'{name} = s.{name} + excluded.{name}' for name in _SUMS)}"
    )
    for table in (statistics, statistics_wide)
}
