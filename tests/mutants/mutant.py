"""A seeded bug as a value: which mechanism it breaks, how, and who may notice."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple


class Stage(IntEnum):
    """Who may notice, cheapest first: the model checker, the simulator, tests here, tests on real servers."""

    CHECKER = 1
    SIMULATOR = 2
    HERE = 3
    SERVERS = 4


class Catcher(NamedTuple):
    """Someone who may notice: arguments of the checker or the simulator, or tests by path or id."""

    stage: Stage
    words: tuple[str, ...]


class Edit(NamedTuple):
    """A text that a file below `src/farandole` has exactly once, and what is there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """`breaks` is a sentence; `rule` names what in guarantees or failures the mechanism serves."""

    name: str
    breaks: str
    rule: str
    edits: tuple[Edit, ...]
    catchers: tuple[Catcher, ...]


CHECKER = Catcher(Stage.CHECKER, ())


FEW: Final = 30
"""Seeds that suffice for most bugs."""


def simulator(seeds: int = FEW) -> Catcher:
    """The first seeds of the simulator."""
    return Catcher(Stage.SIMULATOR, (str(seeds),))


def here(*tests: str) -> Catcher:
    """Tests that need no server."""
    return Catcher(Stage.HERE, tuple(f"tests/{test}" for test in tests))


def servers(*tests: str) -> Catcher:
    """Tests on a real Kafka or PostgreSQL."""
    return Catcher(Stage.SERVERS, tuple(f"tests/{test}" for test in tests))


def mutant(name: str, breaks: str, rule: str, edits: tuple[Edit, ...] | Edit, *catchers: Catcher) -> Mutant:
    several = (edits,) if isinstance(edits, Edit) else edits
    return Mutant(name, breaks, rule, several, tuple(sorted(catchers)))
