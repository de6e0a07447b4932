"""A history from a seed or from a script of picks, and what became of it."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import structlog

from farandole.messaging.service import Service
from farandole.proof.simulate.database import Shelf
from farandole.proof.simulate.fate import Fate
from farandole.proof.simulate.world import Line, World
from farandole.runtime.settings import load
from farandole.runtime.wiring import STORAGES, services


@dataclass(frozen=True)
class History:
    """`picked` repeats it; `points` are the places where it could have been hit."""

    seed: int
    picked: dict[str, int]
    violations: list[str]
    seen: Counter[str]
    lines: list[Line]
    orders: int
    points: int
    places: dict[str, int]

    @property
    def trace(self) -> str:
        return "\n".join(map(str, self.lines)) + "\n"


@cache
def _services() -> dict[str, Service]:
    return services(load({}))


@cache
def _shelves() -> dict[str, Shelf]:
    return {name: Shelf(storage.METADATA) for name, storage in STORAGES.items()}


def play(seed: int, script: Mapping[str, int] | None = None) -> History:
    """One history; the same seed, and the same script, give the same one, byte for byte."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    shelves = _shelves()
    for shelf in shelves.values():
        shelf.empty()
    fate = Fate(seed, script)
    world = World(fate, _services(), shelves)
    violations = world.play()
    return History(
        seed, fate.picked, violations, world.seen, world.lines, len(set(world.acknowledged)), world.points, fate.places
    )
