"""What the kernel needs from outside, so that a proof may decide what time it is and how long waiting takes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic_ns, sleep
from typing import Any

from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.offsets import BEGINNING

Noticed = Callable[[Sequence[tuple[Heard[Any], Decision]]], None]


def elapsed() -> int:
    """Microseconds that no clock set by hand can move."""
    return monotonic_ns() // 1000


@dataclass(frozen=True)
class Surroundings:
    """`clock` is microseconds since 1970, written into rows; `elapsed` only ever grows and bounds every wait; `rest` sleeps
    for seconds, `draw` gives jitter between 0 and 1, `notice` is told of committed decisions."""

    clock: Callable[[], int]
    draw: Callable[[], float]
    notice: Noticed = lambda decisions: None
    begin: str = BEGINNING
    instance: str = "embedded"
    tally: Counter[str] = field(default_factory=Counter)
    elapsed: Callable[[], int] = elapsed
    rest: Callable[[float], None] = sleep
