"""The catalogue fits the code and the tests as they are, and covers every rule."""

import re
from collections import Counter

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.workshop import ROOT, applied


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies_and_names_who_may_notice(mutant: Mutant) -> None:
    changed = applied(mutant.edits, ROOT)
    assert all(text != path.read_text(encoding="utf-8") for path, text in changed.items())
    assert mutant.catchers
    for test in (word for catcher in mutant.catchers for word in catcher.words if "/" in word):
        path, _, name = test.partition("::")
        bare = re.sub(r"\[.*", "", name)
        assert not name or f"def {bare}(" in (ROOT / path).read_text(encoding="utf-8")
        assert (ROOT / path).exists()


@pytest.mark.parametrize("number", range(1, 16))
def test_every_rule_has_a_mutant_without_it(number: int) -> None:
    assert any(mutant.rule == f"rule {number}" for mutant in MUTANTS)
