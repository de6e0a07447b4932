"""Tries mutants: whoever may notice looks in turn, cheapest first, until somebody does."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.mutants.mutant import Mutant, Stage
from tests.mutants.stages import Finding, Found, look, look_at_all
from tests.mutants.workshop import DoesNotApply, mutate

AT_ONCE: Final = 2
Looker = Callable[[Stage, Sequence[str], Path], Finding]


@dataclass(frozen=True, slots=True)
class Result:
    """How the trial of a mutant ended, who noticed, and how long it took."""

    mutant: Mutant
    found: Found
    by: str
    seconds: float

    @property
    def caught(self) -> bool:
        return self.found is Found.CAUGHT


def sound(mutants: Iterable[Mutant], pristine: Path, stages: Iterable[Stage]) -> Iterator[tuple[Stage, Finding]]:
    """What every stage finds in the copy that nobody broke: nothing, or the trial would show nothing."""
    wanted = set(stages)
    catchers = sorted(c for mutant in mutants for c in mutant.catchers if c.stage in wanted)
    for stage, several in groupby(catchers, key=lambda catcher: catcher.stage):
        yield stage, look_at_all(list(several), pristine)


def try_all(
    mutants: Sequence[Mutant], pristine: Path, stages: Iterable[Stage], tell: Callable[[Result], None]
) -> list[Result]:
    """Try some at a time; the results are in the order of the mutants."""
    wanted = frozenset(stages)

    def one(mutant: Mutant) -> Result:
        result = try_one(mutant, pristine, wanted)
        tell(result)
        return result

    with ThreadPoolExecutor(AT_ONCE) as pool:
        trials = [pool.submit(one, mutant) for mutant in mutants]
        try:
            return [trial.result() for trial in trials]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those under way end by themselves
            raise


def try_one(mutant: Mutant, pristine: Path, stages: frozenset[Stage], look: Looker = look) -> Result:
    """Break a copy, have it looked at, and throw it away."""
    began = time.monotonic()
    folder = pristine.parent
    try:
        broken = mutate(mutant, pristine, folder)
        finding = _seen(mutant, broken, stages, look)
    except DoesNotApply as error:
        finding = Finding(Found.BROKEN, str(error))
    finally:
        shutil.rmtree(folder / mutant.name, ignore_errors=True)
    return Result(mutant, finding.found, finding.words, time.monotonic() - began)


def _seen(mutant: Mutant, broken: Path, stages: frozenset[Stage], look: Looker) -> Finding:
    """What the first who noticed says; else the worst that happened on the way."""
    left_out: Finding | None = None
    for catcher in mutant.catchers:
        if catcher.stage not in stages:
            continue
        finding = look(catcher.stage, catcher.words, broken)
        if finding.found is Found.LEFT_OUT:
            left_out = finding
        elif finding.found is not Found.NOTHING:
            return finding
    return left_out or Finding(Found.NOTHING, "it survives")
