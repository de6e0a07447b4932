"""Statistics: each step is counted once, buckets of several monitors add up, and what is old is forgotten."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from farandole.contract.choreography import FLOWS, flow
from farandole.messaging.database import Database, open_database
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.monitor.domain import Recorded, Timeline
from farandole.monitor.figures import curves, quantile, quantiles
from farandole.monitor.statistics import (
    KEPT,
    LOOKED_UP,
    REMEMBERED,
    WIDE,
    Counted,
    Tally,
    ended,
    keep,
    placed_at,
    series,
)
from farandole.monitor.statistics_rows import BINS, BOUNDS
from farandole.monitor.storage import METADATA, RECORDED, statistics, statistics_wide
from tests.web.dances import STEP, recorded

Heardly = tuple[Heard[Any], Decision]
SECOND = 1_000_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/monitor.db")
    METADATA.create_all(database.engine)
    yield database
    database.close()


def decisions(rows: Sequence[Recorded]) -> list[Heardly]:
    """What a monitor decided as it heard these for the first time."""
    found, taken = [], frozenset[tuple[str, str, str | None]]()
    for row in rows:
        taken |= {(row.service, row.step, row.heard)}
        heard: Any = None
        found.append((heard, Decision(row, rows=(Timeline(row.order_id, taken),))))
    return found


def now(rows: Sequence[Recorded]) -> int:
    return max(row.recorded_at for row in rows)


def kept(database: Database) -> dict[str, list[int]]:
    """Sums of everything that is kept, by series."""
    names = (statistics.c[name] for name in ("taken", *BINS))
    asked = sa.select(statistics.c.series, *map(sa.func.sum, names)).group_by(statistics.c.series)
    with database.reading() as transaction:
        return {row[0]: list(row[1:]) for row in transaction.connection.execute(asked)}


def add(database: Database, tally: Tally, at: int) -> None:
    with database.writing() as transaction:
        keep(transaction, tally.take(), at)


@pytest.mark.parametrize("name", FLOWS)
def test_every_step_and_the_end_is_counted_and_measured(database: Database, name: str) -> None:
    rows, tally = recorded(name), Tally()
    tally.hear(decisions(rows))
    add(database, tally, now(rows))
    found = kept(database)
    assert found.keys() == {series(step) for step in flow(name)} | {ended(name)}
    assert {counts[0] for counts in found.values()} == {1}
    measured = {step: sum(found[series(step)][1:]) for step in flow(name)}
    assert list(measured.values()) == [0] + [1] * (len(measured) - 1)
    (first, second) = flow(name)[:2]
    assert measured[first] == 0
    assert BOUNDS[_bin(found[series(second)]) - 1] < STEP <= BOUNDS[_bin(found[series(second)])]


def _bin(counts: Sequence[int]) -> int:
    return next(place for place, count in enumerate(counts[1:]) if count)


def test_what_is_said_again_is_not_counted_again(database: Database) -> None:
    rows, tally = recorded("happy"), Tally()
    tally.hear(decisions(rows))
    again: Any = None
    tally.hear([(again, Decision(msgspec.structs.replace(row, repeats=1))) for row in rows])
    add(database, tally, now(rows))
    assert {counts[0] for counts in kept(database).values()} == {1}


def test_several_monitors_add_up_and_find_what_the_others_heard(database: Database) -> None:
    rows = recorded("happy")
    with database.writing() as transaction:
        transaction.insert(RECORDED, rows)
    for part in (rows[::2], rows[1::2]):
        tally = Tally()
        tally.hear(decisions(part))
        add(database, tally, now(rows))
    whole = Tally()
    whole.hear(decisions(rows))
    add(database, whole, now(rows))
    found = kept(database)
    for step in flow("happy")[1:]:
        assert found[series(step)][0] == 2
        assert sum(found[series(step)][1:]) == 2, "a cause that another monitor heard is looked up"


def test_what_could_not_be_added_is_added_the_next_time(database: Database) -> None:
    rows, tally = recorded("happy"), Tally()
    tally.hear(decisions(rows[:3]))
    failed = tally.take()
    tally.hear(decisions(rows)[3:])
    tally.give_back(failed)
    add(database, tally, now(rows))
    found = kept(database)
    assert [found[series(step)][0] for step in flow("happy")] == [1] * 5
    assert found[ended("happy")][0] == 1


def test_rows_are_kept_for_a_day(database: Database) -> None:
    rows, tally = recorded("happy"), Tally()
    tally.hear(decisions(rows))
    add(database, tally, now(rows))
    late = [msgspec.structs.replace(row, recorded_at=row.decided_at + KEPT * SECOND + 1) for row in rows]
    tally.hear(decisions(late[:1]))
    assert tally.take().cells == {}, "what was said before that is not counted"
    ahead = [msgspec.structs.replace(row, recorded_at=now(rows), decided_at=2**62) for row in rows]
    tally.hear(decisions(ahead[:1]))
    ((since, _),) = tally.take().cells
    assert since * SECOND <= now(rows), "nothing is counted in the future"
    tally.hear(decisions(rows[:1]))
    with database.writing() as transaction:
        keep(transaction, tally.take(), now(rows) + (KEPT + 20) * SECOND)
    assert kept(database) == {}


def counted(database: Database, since: range, at: int) -> None:
    """What is counted in each ten seconds, added by several monitors and not in order."""
    for turn in (0, 2, 1):
        cells = {(s - s % 10, ended("happy")): [turn + 1, *(s % 7 for _ in BINS)] for s in since[turn::3]}
        with database.writing() as transaction:
            keep(transaction, Counted(cells, ()), at * SECOND)


def test_wide_rows_are_the_sums_of_the_others(database: Database) -> None:
    now = 1_767_268_800
    counted(database, range(now - 3000, now, 10), now)
    names = ("taken", *BINS)
    with database.reading() as transaction:
        wide = transaction.connection.execute(sa.select(statistics_wide)).all()
        narrow = transaction.connection.execute(sa.select(statistics)).all()
    assert len(narrow) == 300
    assert len(wide) == 3000 // WIDE
    for row in wide:
        parts = [part for part in narrow if row.since <= part.since < row.since + WIDE]
        assert [row._mapping[name] for name in names] == [sum(p._mapping[name] for p in parts) for name in names]


@pytest.mark.parametrize("minutes", [1, 15, 60, 61, 180, 181, 360, 1000, 1440])
def test_a_point_says_what_was_counted_and_is_read_from_few_rows(database: Database, minutes: int) -> None:
    now = 1_767_268_800
    with database.reading() as transaction:
        at = curves(transaction, now * SECOND, minutes).at
    counted(database, range(at.start, at.stop, 10), now)
    expected = dict.fromkeys(at, 0)
    for place, since in enumerate(range(at.start, at.stop, 10)):
        expected[since - (since - at.start) % at.step] += (1, 2, 3)[place % 3]
    with database.reading() as transaction:
        found = curves(transaction, now * SECOND, minutes)
        wide = transaction.connection.scalars(sa.select(statistics_wide.c.since)).all()
    assert found.at == at
    oldest = now - KEPT
    assert [row[0] for point, row in zip(at, found.of(ended("happy")), strict=True) if point >= oldest] == [
        count for point, count in expected.items() if point >= oldest
    ]
    assert len(at) <= 180
    rows = len(wide) if at.step % WIDE == 0 else len(range(at.start, at.stop, 10))
    assert rows <= 6 * len(at), "however long a curve is, a point is read from at most six rows a series"


def test_several_quantiles_are_those_of_one_by_one() -> None:
    counts = [60, *(place * place % 5 for place in range(len(BINS)))]
    parts = (0.01, 0.5, 0.95, 0.99, 1.0)
    assert quantiles(counts, parts) == [quantile(counts, part) for part in parts]
    total, below = sum(counts[1:]), 0
    for place, count in enumerate(counts[1:]):
        below += count
        if count and place < len(BOUNDS):
            assert quantile(counts, below / total) == pytest.approx(BOUNDS[place], abs=1)


def test_what_is_remembered_is_bounded() -> None:
    tally, (row, *_) = Tally(), recorded("happy")[1:]
    for number in range(3 * REMEMBERED):
        tally.hear(decisions([msgspec.structs.replace(row, event_id=str(number), causation=f"unknown {number}")]))
    assert len(tally._said) + len(tally._said_before) <= 2 * REMEMBERED
    assert len(tally.take().unmeasured) == LOOKED_UP


def test_an_order_says_when_it_was_placed_if_its_id_does() -> None:
    assert placed_at("01a210dc-9ae7-726d-b168-257bc50b23eb") == 0x01A210DC9AE7 * 1000
    assert placed_at("185cf033-31d1-5153-8e63-6b8d7808ba51") is None


@pytest.mark.parametrize("micros", [500, 1_000, 40_000, 1_000_000, 30_000_000])
@pytest.mark.parametrize("part", [0.5, 0.95, 0.99])
def test_a_quantile_is_off_by_less_than_a_bin(micros: int, part: float) -> None:
    place = next(place for place, bound in enumerate(BOUNDS) if micros <= bound)
    counts = [100, *(100 if at == place else 0 for at in range(len(BINS)))]
    found = quantile(counts, part)
    assert found is not None
    assert found <= BOUNDS[place]
    assert found >= (BOUNDS[place - 1] if place else 0)


def test_nothing_measured_has_no_quantile() -> None:
    assert quantile([5, *(0 for _ in BINS)], 0.5) is None
