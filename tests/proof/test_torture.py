"""Real faults hit something in flight, and nothing is lost, doubled or oversold; what would be missed is caught."""

import random
import time
from collections import Counter
from dataclasses import replace

import pytest

from farandole.proof.ground import Missing
from farandole.proof.torture import faults, seen
from farandole.proof.torture.episode import Play
from farandole.proof.torture.ground import Ground
from farandole.proof.torture.inflight import InFlight
from farandole.proof.torture.report import Blow, Episode, Report

PLAN = ("kill -9 of a process", "immediate shutdown of PostgreSQL", "connections of customers cut")
RATE = 100.0


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_an_episode_of_real_faults_loses_nothing() -> None:
    plan = [replace(faults.BY_NAME[name], holds=(0, 0), overlaps=False) for name in PLAN]
    report, lines = Report(7, wanted=(seen.POISON, *map(seen.effective, PLAN))), list[str]()
    try:
        with Ground(small_disk=False) as ground:
            report.episodes.append(Play(ground, Episode(1, "7/1"), RATE, lines.append, time.monotonic()).play(plan))
    except Missing as missing:
        pytest.skip(str(missing))
    assert report.violations == [], "\n".join(lines)
    assert report.total("acknowledged") == report.total("orders") >= 300
    assert set(report.by_status) == {"COMPLETED", "PAYMENT_FAILED", "FAILED"}
    assert report.unacknowledged > 0
    assert report.total("duplicates") > 0


def test_a_run_that_hit_nothing_between_commit_and_acknowledgement_fails() -> None:
    report = Report(1, [Episode(1, "1/1", blows=[Blow(1, "kill", "order-0", InFlight(requests=3))])])
    assert (report.effective["kill"], report.unacknowledged) == (1, 0)
    assert report.violations == [
        "no fault hit a record between commit and acknowledgement: this run proves nothing",
    ]


def test_a_fault_that_hit_nothing_is_issued_and_not_effective() -> None:
    blows = [Blow(1, "kill", "order-0", InFlight()), Blow(2, "kill", "order-0", InFlight(unacknowledged=2))]
    report = Report(1, [Episode(1, "1/1", blows=blows)])
    assert (report.issued["kill"], report.effective["kill"]) == (2, 1)
    assert ["nothing in flight: WITHOUT EFFECT" in blow.line for blow in blows] == [True, False]


def test_a_run_names_what_it_never_saw() -> None:
    blows = [Blow(1, "kill", "order-0", InFlight(unacknowledged=2))]
    episode = Episode(1, "1/1", blows=blows, seen=Counter({seen.POISON: 1}))
    wanted = (seen.POISON, seen.ZOMBIE, seen.effective("kill"), seen.effective("freeze"))
    assert Report(1, [episode], wanted=wanted).violations == [
        f"never seen: {seen.ZOMBIE}",
        "never seen: effective: freeze",
    ]


def test_the_seed_decides_the_faults_and_every_kind_comes_as_often() -> None:
    def drawn(seed: int) -> list[str]:
        deck = faults.Deck(random.Random(seed), disk=False)
        return [deck.draw().name for _ in range(3 * len(deck.names))]

    assert drawn(1) == drawn(1) != drawn(2)
    assert set(Counter(drawn(1)).values()) == {3}
    assert faults.NEEDS_DISK not in drawn(1)
