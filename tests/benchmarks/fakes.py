"""A contestant and servers that only say what a test has them say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from benchmarks.contestant import Play
from benchmarks.throughput import Entry


@dataclass
class Contestant:
    """Takes a second for every run; `wrong` has what it violates, `broken` ends its run."""

    name: str = "somebody"
    wrong: Sequence[str] = ()
    broken: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        return None

    def processes(self) -> dict[str, Sequence[int]]:
        return {}

    def play(self, orders: int) -> Play:
        if self.broken:
            raise RuntimeError(self.broken)
        return Play(orders, 1.0)

    def violations(self) -> list[str]:
        return list(self.wrong)


@dataclass
class Servers:
    """Servers without processes; `tidied` counts the turns."""

    tidied: int = field(default=0)

    def processes(self) -> Mapping[str, Sequence[int]]:
        return {}

    def written(self) -> int:
        return 0

    def tidy(self) -> None:
        self.tidied += 1


def entry(*rounds: Contestant) -> Entry:
    """One contestant as it is in each round."""
    following = iter(rounds)
    return Entry(rounds[0].name, lambda: next(following), 100)
