"""A run: episodes until its time is up, each with a sequence of faults that its seed decides."""

import random
import time
from typing import Final

from farandole.proof.torture import faults, seen
from farandole.proof.torture.episode import Play, Say
from farandole.proof.torture.ground import Ground
from farandole.proof.torture.report import Episode, Report

RATE: Final = 350.0
"""Orders placed a second."""
SEQUENCE: Final = (3, 5)
"""Faults in an episode, at least and at most."""


def run(minutes: float, seed: int, say: Say = lambda line: None, *, rate: float = RATE) -> Report:
    """Torture the system for some minutes, an episode that has begun is finished; a seed decides which faults come in which
    order and who is hit, not what the machine makes of it."""
    report, began = Report(seed), time.monotonic()
    with Ground() as ground:
        if ground.disk is None:
            report.left_out[faults.NEEDS_DISK] = ground.no_disk
            say(f"not run: {faults.NEEDS_DISK}: {ground.no_disk}")
        rng = random.Random(seed)
        deck = faults.Deck(rng, disk=ground.disk is not None)
        report.wanted = (*seen.ALWAYS, *(seen.effective(name) for name in deck.names))
        while time.monotonic() - began < minutes * 60:
            number = len(report.episodes) + 1
            plan = [deck.draw() for _ in range(rng.randint(*SEQUENCE))]
            episode = Episode(number, f"{seed}/{number}")
            report.episodes.append(Play(ground, episode, rate, say, began).play(plan))
    report.seconds = time.monotonic() - began
    return report
