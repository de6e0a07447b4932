"""Waiting grows with each failure in a row, with jitter, and ends with the first success."""

from collections.abc import Callable
from typing import Final

FIRST: Final = 0.05
LONGEST: Final = 5.0


class Backoff:
    """When the next attempt may be made; `elapsed` never goes back, `draw` gives the jitter, between 0 and 1."""

    def __init__(self, elapsed: Callable[[], int], draw: Callable[[], float]) -> None:
        self._elapsed, self._draw = elapsed, draw
        self._failures = 0
        self._until = 0

    @property
    def seconds_left(self) -> float:
        return max(0.0, (self._until - self._elapsed()) / 1e6)

    def failed(self) -> None:
        """Wait longer than last time, up to 5 s."""
        pause = min(LONGEST, FIRST * 2**self._failures) * (0.5 + self._draw() / 2)
        self._failures = min(self._failures + 1, 16)
        self._until = self._elapsed() + int(pause * 1e6)

    def worked(self) -> None:
        self._failures = self._until = 0
