"""The trial itself: what is caught, by whom, and what counts as nothing caught."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants import report, stages
from tests.mutants.mutant import CHECKER, Catcher, Edit, Mutant, Stage, here, mutant, servers, simulator
from tests.mutants.stages import Finding, Found
from tests.mutants.trial import Result, sound, try_all, try_one
from tests.mutants.workshop import PATIENCE, ROOT, DoesNotApply, apply, mutate, pristine

ALL = frozenset(Stage)
CODE = "def double(number):\n    return number + number\n"
TESTS = """
import os
import pytest
from farandole.code import double

def test_two(): assert double(2) == 4
def test_three(): assert double(3) == 6
def test_slow():
    while double(5) != 10: pass
@pytest.mark.skipif(True, reason="no server")
def test_skipped(): assert double(3) == 6
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A pristine copy of a small project."""
    source = tmp_path / "source"
    waiting = source / "src" / "farandole" / PATIENCE.file
    waiting.parent.mkdir(parents=True)
    waiting.write_text(f"{PATIENCE.old}\n", encoding="utf-8")
    (source / "src" / "farandole" / "__init__.py").write_text("", encoding="utf-8")
    (source / "src" / "farandole" / "code.py").write_text(CODE, encoding="utf-8")
    (source / "tests" / "mutants").mkdir(parents=True)
    for name in ("__init__.py", "mutants/__init__.py", "mutants/witness.py"):
        (source / "tests" / name).write_bytes((ROOT / "tests" / name).read_bytes())
    (source / "tests" / "test_code.py").write_text(TESTS, encoding="utf-8")
    (source / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n', encoding="utf-8")
    return pristine(tmp_path, source)


def bug(new: str, *catchers: Catcher, old: str = "number + number", name: str = "bug") -> Mutant:
    return mutant(name, "It does not double.", "rule 0", Edit("code.py", old, new), *catchers)


TWO, THREE = here("test_code.py::test_two"), here("test_code.py::test_three")


def test_what_a_test_notices_is_caught_under_its_name(small: Path) -> None:
    result = try_one(bug("number * number", here("test_code.py")), small, ALL)
    assert (result.found, result.by) == (Found.CAUGHT, "tests/test_code.py::test_three")
    assert [path.name for path in small.parent.iterdir() if path.name == "bug"] == []


def test_what_nobody_notices_survives(small: Path) -> None:
    assert try_one(bug("number * number", TWO), small, ALL).found is Found.NOTHING


@pytest.mark.parametrize("text", ["number + nombre", "__import__('nowhere')", "number +", "exec('(') or number"])
def test_code_that_cannot_run_is_not_caught_but_broken(small: Path, text: str) -> None:
    assert try_one(bug(text, TWO), small, ALL).found is Found.BROKEN


def test_a_copy_that_cannot_be_imported_is_broken(small: Path) -> None:
    result = try_one(bug("def treble(number):", TWO, old="def double(number):"), small, ALL)
    assert (result.found, "ImportError" in result.by) == (Found.BROKEN, True)


@pytest.mark.parametrize("old", ["number - number", "number"])
def test_a_text_that_is_not_there_once_is_broken(small: Path, old: str) -> None:
    result = try_one(bug("0", TWO, old=old), small, ALL)
    assert (result.found, "expected this once" in result.by) == (Found.BROKEN, True)


def test_a_hang_is_named_and_not_caught(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stages.SECONDS, Stage.HERE, 3.0)
    result = try_one(bug("0", here("test_code.py::test_slow")), small, ALL)
    assert (result.found, result.by.startswith("no end within 3 s")) == (Found.HANG, True)


def test_a_test_that_is_left_out_notices_nothing(small: Path) -> None:
    assert try_one(bug("0", here("test_code.py::test_skipped")), small, ALL).found is Found.LEFT_OUT


def test_a_test_that_does_not_exist_notices_nothing(small: Path) -> None:
    assert try_one(bug("0", here("test_code.py::test_four")), small, ALL).found is Found.BROKEN


def test_a_copy_that_nobody_broke_must_be_sound(small: Path) -> None:
    good = list(sound([bug("0", TWO), bug("0", THREE)], small, ALL))
    assert [(stage, finding.found) for stage, finding in good] == [(Stage.HERE, Found.NOTHING)]
    apply((Edit("code.py", "number + number", "number"),), small)
    assert [finding.found for _, finding in sound([bug("0", TWO)], small, ALL)] == [Found.CAUGHT]


def test_everybody_looks_in_turn_until_somebody_notices(small: Path) -> None:
    asked: list[Stage] = []

    def look(stage: Stage, words: Sequence[str], root: Path) -> Finding:
        asked.append(stage)
        return Finding(Found.CAUGHT, "simulate, seed 7") if stage is Stage.SIMULATOR else Finding(Found.NOTHING)

    everybody = bug("0", servers("test_code.py"), TWO, simulator(9), CHECKER)
    result = try_one(everybody, small, ALL, look)
    assert asked == [Stage.CHECKER, Stage.SIMULATOR]
    assert (result.found, result.by) == (Found.CAUGHT, "simulate, seed 7")
    assert try_one(everybody, small, frozenset({Stage.CHECKER}), look).found is Found.NOTHING


def test_the_source_stays_as_it_is(small: Path) -> None:
    mutate(bug("0"), small, small.parent)
    assert (small / "src" / "farandole" / "code.py").read_text(encoding="utf-8") == CODE
    with pytest.raises(DoesNotApply):
        apply((Edit("nowhere.py", "a", "b"),), small)


def test_results_are_a_table_and_data(small: Path) -> None:
    told: list[Result] = []
    bugs = [bug("number * number", THREE), bug("number * number", TWO, name="another")]
    results = try_all(bugs, small, [Stage.HERE], told.append)
    first, second = report.markdown(results).splitlines()[2:]
    assert first.startswith("| bug | It does not double. | `tests/test_code.py::test_three` | ")
    assert "**survived**" in second
    assert report.summary(results) == "2 mutants: 1 caught, 1 survived"
    assert [row["found"] for row in json.loads(report.as_json(results))] == ["caught", "nothing"]
    assert len(told) == 2
