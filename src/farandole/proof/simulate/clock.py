"""Time as a history has it: it passes when the history says so, and the wall's clock may jump."""

NOON = 1_800_000_000_000_000


class Clock:
    """`elapsed` microseconds only grow, a little with each look; `wall` is set by hand."""

    def __init__(self) -> None:
        self._elapsed = 0
        self._offset = NOON

    def elapsed(self) -> int:
        self._elapsed += 1
        return self._elapsed

    def wall(self) -> int:
        return self.elapsed() + self._offset

    def pass_(self, seconds: float) -> None:
        self._elapsed += int(seconds * 1e6)

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall's clock."""
        self._offset += int(seconds * 1e6)

    @property
    def seconds(self) -> float:
        return self._elapsed / 1e6
