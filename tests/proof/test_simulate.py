"""The simulator finds nothing in the system as it is, repeats itself exactly, and finds what is broken on purpose."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from farandole.messaging import consumer, relay
from farandole.messaging.database import Transaction
from farandole.messaging.relay import Relay
from farandole.proof.simulate import many
from farandole.proof.simulate.history import History, play
from farandole.proof.simulate.shrink import shrink
from farandole.proof.simulate.sightings import WANTED
from farandole.proof.simulate.story import tell
from farandole.proof.simulate.sweep import QUIET


def told(report: many.Report) -> str:
    return "\n".join(tell(shrink(history)) for history in report.failures[:1])


def test_forty_histories_go_well() -> None:
    """That everything is seen that can happen is asked of `make proof`, which plays thousands."""
    report = many.simulate(0, 40, processes=1)
    assert report.violations == 0, told(report)
    assert report.orders > report.histories


@pytest.mark.parametrize(("name", "every"), list(zip(QUIET, (32, 48), strict=True)))
def test_a_quiet_history_survives_a_hit_at_one_place_in_a_few_in_every_way(name: str, every: int) -> None:
    """`make proof` hits all of them."""
    report = many.sweep(names=[name], every=every, processes=1)
    assert report.violations == 0, told(report)
    assert report.hits > 25


def test_the_same_seed_is_the_same_history_byte_for_byte_in_another_process() -> None:
    seeds = [3, 14, 15]
    script = f"from farandole.proof.simulate.history import play\nfor seed in {seeds}: print(play(seed).trace, end='')"
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"}
    )
    assert other.stdout.decode() == "".join(play(seed).trace for seed in seeds)


def test_a_history_is_repeated_by_its_picks() -> None:
    history = play(14)
    again = play(14, history.picked)
    assert (again.trace, again.picked) == (history.trace, history.picked)


def _forgetful(transaction: Transaction, letters: Sequence[object]) -> int:
    """Parking that keeps nothing."""
    return len(letters)


def _eager(self: Relay, patience: float = 0) -> None:
    """A relay that takes what it sent for acknowledged."""
    self._publisher.poll(patience)
    for sent in list(self._under_way):
        self._under_way.remove(sent)
        self._acknowledged.extend(sent.ids)


BUGS: dict[str, tuple[object, str, Callable[..., object]]] = {
    "garbage is not parked": (consumer, "park", _forgetful),
    "outbox rows go before they are acknowledged": (Relay, "settle", _eager),
    "orphans stay": (relay.Relay, "_orphans", lambda self, found, now: set()),
    "offsets are claimed before the answers are durable": (
        consumer.Consumer,
        "_heed",
        lambda self, publisher: self._acknowledged.update(
            {at: end for sent in self._under_way for at, end in sent.ends.items()}
        ),
    ),
}


LATE = "orphans stay"
"""Found after many histories."""


@pytest.mark.parametrize("bug", [*sorted(BUGS.keys() - {LATE}), pytest.param(LATE, marks=pytest.mark.proof)])
def test_a_bug_is_found_shortened_and_drawn(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, broken = BUGS[bug]
    monkeypatch.setattr(owner, name, broken)
    found = _first_failure(150)
    short = shrink(found, attempts=150)
    assert len(short.picked) <= min(12, len(found.picked))
    assert "sequenceDiagram" in tell(short)
    assert short.violations[0].split()[0] in tell(short)


def _first_failure(seeds: int) -> History:
    return next(history for history in map(play, range(seeds)) if history.violations)


def test_everything_wanted_is_named_once() -> None:
    assert len(set(WANTED)) == len(WANTED)
