"""An eighth of the bugs that checker or simulator notice soon are put in; `make mutants` puts in all, and has everybody look."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import FEW, Mutant, Stage
from tests.mutants.stages import Found
from tests.mutants.trial import sound, try_one
from tests.mutants.workshop import pristine, workshop

PROOFS: Final = frozenset({Stage.CHECKER, Stage.SIMULATOR})
SOON: Final = [(), (str(FEW),)]
PROVEN: Final = [m for m in MUTANTS if any(c.stage in PROOFS and c.words in SOON for c in m.catchers)]
"""Mutants that the checker, or the simulator with its first seeds, notices."""


@pytest.fixture(scope="session")
def copied() -> Iterator[Path]:
    with workshop() as folder:
        yield pristine(folder)


@pytest.mark.proof
def test_a_copy_that_nobody_broke_is_sound(copied: Path) -> None:
    assert {finding.found for _, finding in sound(PROVEN, copied, PROOFS)} == {Found.NOTHING}


@pytest.mark.parametrize("mutant", PROVEN[::8], ids=lambda mutant: mutant.name)
def test_a_bug_is_noticed(copied: Path, mutant: Mutant) -> None:
    result = try_one(mutant, copied, PROOFS)
    assert result.caught, f"{mutant.breaks} {result.found}: {result.by}"
