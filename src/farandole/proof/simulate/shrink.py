"""The shortest script found that still goes wrong in the same way."""

from collections.abc import Mapping
from typing import Final

from farandole.proof.simulate.history import History, play

ATTEMPTS: Final = 600
"""Histories played at most in search of a shorter one."""


def shrink(history: History, attempts: int = ATTEMPTS) -> History:
    """Take picks out, in large pieces and then in small ones, as long as what goes wrong stays the same."""
    best, size = history, max(1, len(history.picked) // 2)
    while attempts > 0:
        places = list(best.picked)
        for start in range(0, len(places), size):
            removed = frozenset(places[start : start + size])
            kept = {place: pick for place, pick in best.picked.items() if place not in removed}
            if len(kept) == len(best.picked):
                continue
            attempts -= 1
            best = _shorter(best, kept)
            if attempts <= 0:
                break
        if size == 1 and len(best.picked) == len(places):
            break
        size = max(1, size // 2)
    return best


def _shorter(best: History, script: Mapping[str, int]) -> History:
    tried = play(best.seed, script)
    same = tried.violations and _kind(tried) == _kind(best)
    return tried if same and len(tried.picked) < len(best.picked) else best


def _kind(history: History) -> str:
    return " ".join(history.violations[0].split()[:2])
