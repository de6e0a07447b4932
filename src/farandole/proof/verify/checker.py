"""Exhausts a world and says what was found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from farandole.contract.invariants import Finding
from farandole.messaging.service import Service
from farandole.proof.verify.actors import Command, Receipt
from farandole.proof.verify.checks import Checks
from farandole.proof.verify.deciding import Deciders, Part, Transact, in_memory
from farandole.proof.verify.explore import MOST_STATES, Search, explore
from farandole.proof.verify.memory import Kept
from farandole.proof.verify.moves import Locals
from farandole.proof.verify.protocol import Detail, Protocol
from farandole.proof.verify.space import Space
from farandole.proof.verify.story import draw
from farandole.proof.verify.worlds import World
from farandole.runtime.settings import load
from farandole.runtime.wiring import services as wired

HONEST: Final = Protocol()
BOUNDS: Final[Mapping[Detail, str]] = {
    Detail.PROCESSES: "none: what each process knows, each crash",
    Detail.DURABLE: "durable states, a crash is hearing again",
    Detail.HEARD: "durable states, unheard answers land with their offset",
}
SHELF: Final = 9
"""A place for the goods at the beginning, beyond those of the actors."""


@dataclass(frozen=True)
class Result:
    """A world and what exhausting it showed; `violation` is None when everything holds."""

    world: str
    about: str
    states: int
    transitions: int
    depth: int
    ends: int
    seconds: float
    bounds: str
    exhausted: bool = True
    violated: tuple[Finding, ...] = ()
    steps: int = 0
    diagram: str | None = None

    @property
    def holds(self) -> bool:
        return not self.violated


def run(worlds: Iterable[World]) -> list[Result]:
    """Exhaust worlds, one after another."""
    return [verify(world) for world in worlds]


def verify(
    world: World,
    services: Mapping[str, Service] | None = None,
    protocol: Protocol = HONEST,
    most: int = MOST_STATES,
) -> Result:
    """Exhaust one world, with the services and the protocol as they are or as somebody broke them."""
    space, checks, start = opened(world, services or wired(load({})), protocol)
    search = explore(space, checks, start, most)
    bounds = BOUNDS[world.detail] + ("" if search.complete else f"; NOT EXHAUSTED, given up after {most:,} states")
    result = Result(
        world=world.name,
        about=world.about,
        states=len(search.states),
        transitions=search.transitions,
        depth=search.depth,
        ends=search.ends,
        seconds=search.seconds,
        bounds=bounds,
        exhausted=search.complete,
    )
    return _violated(result, space, search) if search.violation else result


def _violated(result: Result, space: Space, search: Search) -> Result:
    assert search.violation is not None
    steps, diagram = draw(space, search, search.violation)
    return replace(result, violated=search.violation.broken, steps=steps, diagram=diagram)


def opened(
    world: World, services: Mapping[str, Service], protocol: Protocol = HONEST, transact: Transact = in_memory
) -> tuple[Space, Checks, int]:
    """A world's space, its checks, and the state in which it begins: nothing is ordered, the stock is there."""
    deciders = Deciders(services, transact)
    actors = Locals(deciders, protocol, world.detail)
    stock, came_in = _stocked(deciders, world)
    groups, place = [], count()
    for actor in dict.fromkeys(world.actors):
        groups.append([next(place) for _ in range(world.actors.count(actor))])
    space = Space(deciders, actors, groups)
    inordered = [actor for actor in dict.fromkeys(world.actors) for _ in range(world.actors.count(actor))]
    return space, Checks(deciders, actors, came_in), space.state(stock, [actors.start(actor) for actor in inordered])


def _stocked(deciders: Deciders, world: World) -> tuple[int, frozenset[Kept]]:
    """The stock after its first receipts, and those receipts."""
    stock, none = deciders.stock(frozenset()), deciders.rows(frozenset())
    came_in: set[Kept] = set()
    for place, (sku, quantity) in enumerate(world.stock, start=SHELF):
        goods = deciders.heard(Command(Receipt(sku, quantity), 0))
        outcome = deciders.decide("inventory", (Part(none, goods),), stock)
        assert outcome is not None
        stock = outcome.stock
        came_in |= deciders.memory("inventory", outcome.rows[0], place).kept
    return stock, frozenset(came_in)
