"""Every chance of a history: drawn from its seed and remembered, or repeated from what was remembered."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from itertools import accumulate
from random import Random
from typing import Final


class Fault(StrEnum):
    """What a history may be allowed to suffer; each seed allows some."""

    CRASH = "crash"
    STATEMENT = "a statement fails"
    ANSWER = "a commit fails, or its answer is lost"
    NETWORK = "a transport call fails"
    DELAY = "delays, late acknowledgements, copies"
    STALL = "a process stalls while others go on"
    ZOMBIE = "a process stalls beyond its session"
    LEAVE = "processes leave and join"
    OFFSETS = "offsets are forgotten"
    CLOCK = "clocks jump"
    HOSTILE = "undecodable records and copies of records"
    BUG = "a handler fails: always, or differently each time"
    UNFIT = "a row that the database refuses"


class Odds:
    """Chances of the outcomes 1, 2, 3 …; what is left is 0, where nothing special happens."""

    def __init__(self, *chances: float) -> None:
        self._limits = tuple(accumulate(chances))
        self.outcomes = len(chances)

    def outcome(self, drawn: float) -> int:
        return next((number for number, limit in enumerate(self._limits, 1) if drawn < limit), 0)


class Fate:
    """Draws by name: the third draw of a name is the same in a history and in its repetition. What is not 0 is remembered
    in `picked`, and a script of such picks, even with some taken out, is a history again; `places` has how many outcomes
    each draw of a script could have had."""

    def __init__(self, seed: int, script: Mapping[str, int] | None = None) -> None:
        self.picked: dict[str, int] = {}
        self.places: dict[str, int] = {}
        self._random, self._script = Random(seed), script
        self._times: Counter[str] = Counter()

    def pick(self, name: str, odds: Odds) -> int:
        self._times[name] += 1
        place = f"{name} #{self._times[name]}"
        if self._script is None:
            outcome = odds.outcome(self._random.random())
        else:
            outcome = self._script.get(place, 0)
            self.places[place] = odds.outcomes
        if outcome:
            self.picked[place] = outcome
        return outcome

    def below(self, name: str, count: int) -> int:
        """A number from 0 to count - 1; all are equally likely."""
        return self.pick(name, evenly(count)) % count

    def swarm(self) -> frozenset[Fault]:
        """The faults this history may suffer: each with even odds, so that each is met with few others and with many."""
        return frozenset(fault for fault in Fault if self.pick(f"allow {fault.name}", _EVEN))


@cache
def evenly(count: int) -> Odds:
    return Odds(*[1 / count] * (count - 1))


@cache
def odds(chances: tuple[float, ...], allowed: bool) -> Odds:
    """Chances where they are allowed, and none where they are not."""
    return Odds(*(chance * allowed for chance in chances))


_EVEN: Final = evenly(2)
