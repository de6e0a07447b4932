"""Breadth-first over every state of a world, until one violates something; then whether an end is reachable from each."""

from array import array
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, NamedTuple

from farandole.contract.invariants import Finding
from farandole.proof.verify.checks import Checks
from farandole.proof.verify.deciding import broken
from farandole.proof.verify.space import Space, Step

NONE: Final = 2**32 - 1
MOST_STATES: Final = 4_000_000
"""A world with more is too large for one machine's memory; the search then says that it did not exhaust it."""
PROGRESS: Final = ("progress", "from every state an end can be reached")


class Violation(NamedTuple):
    """What is violated where: in a state, by its place in the search, or by a step from it."""

    at: int
    broken: tuple[Finding, ...]
    step: Step | None = None


@dataclass
class Search:
    """What was found; `states` in the order of discovery, `parents` from where."""

    states: list[int]
    parents: "array[int]" = field(default_factory=lambda: array("L", [NONE]))
    transitions: int = 0
    depth: int = 0
    ends: int = 0
    seconds: float = 0.0
    complete: bool = True
    violation: Violation | None = None


def explore(space: Space, checks: Checks, start: int, most: int = MOST_STATES) -> Search:
    """Every state that can be reached from the start, and whether each can reach an end."""
    began, search = perf_counter(), Search([start])
    search.violation = _look(space, checks, search, 0)
    ahead = _spread(space, checks, search, most)
    if search.complete and search.violation is None:
        search.violation = _progress(space, checks, search, ahead)
    search.seconds = perf_counter() - began
    return search


def _spread(space: Space, checks: Checks, search: Search, most: int) -> "array[int]":
    """Visit everything; of each state the first step that leads ahead."""
    states, parents, ahead = search.states, search.parents, array("L")
    index, level, at = {states[0]: 0}, 1, 0
    while at < len(states) and search.violation is None:
        if at == level:
            search.depth, level = search.depth + 1, len(states)
            if level > most:
                search.complete = False
                break
        targets, idle, first = space.targets(states[at])
        if targets is None:
            search.violation = _broken(space, checks, search, at)
            break
        search.transitions += len(targets) + idle
        for after in targets:
            if index.setdefault(after, len(states)) == len(states):
                states.append(after)
                parents.append(at)
                if (seen := _look(space, checks, search, len(states) - 1)) is not None:
                    search.violation = seen
                    break
        ahead.append(NONE if first is None or search.violation else index[targets[first]])
        at += 1
    return ahead


def _look(space: Space, checks: Checks, search: Search, at: int) -> Violation | None:
    """Hold the invariants against a new state."""
    stock, numbers = space.parts(search.states[at])
    found = checks.always(stock, numbers)
    if checks.quiet(numbers):
        search.ends += 1
        found += checks.at_rest(stock, numbers)
    return Violation(at, found) if found else None


def _broken(space: Space, checks: Checks, search: Search, at: int) -> Violation:
    """The first step from a state that violates something, with what is violated in the state after it."""
    step = next(step for step in space.steps(search.states[at]) if step.broken)
    found = [finding for _, move in step.moved for finding in move.broken]
    found += checks.always(*space.parts(step.after))
    return Violation(at, tuple(dict.fromkeys(found)), step)


def _progress(space: Space, checks: Checks, search: Search, ahead: "array[int]") -> Violation | None:
    """The first state from which no end can be reached, one where nothing leads ahead before others.

    Most states show it by their first step ahead alone: a chain of such steps that ends in an end. Steps ahead never
    go in a circle, for each lets something land or brings an offset or a row further; only a crash goes back.
    """
    reaches = bytearray(len(search.states))
    for at in range(len(search.states)):
        chain, here = [], at
        while not reaches[here] and not _ends(space, checks, search, here) and ahead[here] != NONE:
            chain.append(here)
            here = ahead[here]
        if reaches[here] or _ends(space, checks, search, here):
            for passed in (*chain, here):
                reaches[passed] = 1
    lost = [at for at in range(len(search.states)) if not reaches[at]]
    if not lost:
        return None
    index = {state: at for at, state in enumerate(search.states)}
    while saved := [at for at in lost if any(reaches[index[s.after]] for s in space.steps(search.states[at]))]:
        for at in saved:
            reaches[at] = 1
        lost = [at for at in lost if not reaches[at]]
    if not lost:
        return None
    first = next((at for at in lost if ahead[at] == NONE), lost[0])
    return Violation(first, (broken(PROGRESS, "no end can be reached from here"),))


def _ends(space: Space, checks: Checks, search: Search, at: int) -> bool:
    """Whether a state is the end of everything: an end where nobody has yet to order does not count."""
    return checks.over(space.parts(search.states[at])[1])
