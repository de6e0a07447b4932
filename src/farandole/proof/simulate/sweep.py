"""Every place of a quiet history, hit once in every way it can be hit: "crash at point k, for every k"."""

from collections.abc import Iterator, Mapping
from typing import Final

from farandole.proof.simulate.history import History, play

QUIET: Final[Mapping[str, Mapping[str, int]]] = {
    "one process a service": {"over soon #1": 1},
    "two processes a service, two partitions a topic": {
        "over soon #1": 1,
        "more processes #1": 1,
        "more partitions #1": 1,
        "with the monitor #1": 1,
    },
}
"""Histories in which nothing happens but what these picks say: one order of each flow."""
_HITS: Final = ("before ", "in the middle ", "after ", "commit", "to ", "late ", "loses ")


def scripts(base: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """One script for each place of a quiet history and each thing that can happen there."""
    for place, outcomes in play(0, base).places.items():
        if place.partition(" ")[2].startswith(_HITS):
            yield from ({**base, place: outcome} for outcome in range(1, outcomes + 1))


def hit(script: Mapping[str, int]) -> History:
    return play(0, script)
