"""A contestant that keeps the whole saga in one PostgreSQL database, whichever engine makes its steps durable."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from benchmarks.contestant import Ground, Play
from benchmarks.contestants import one_database
from benchmarks.contestants.workers import Workers


@dataclass
class Peer:
    """`start` starts its processes on the URL of the database; those of the role `makers` make their share of the orders."""

    ground: Ground
    name: str
    start: Callable[[str, Workers], None]
    outstanding: int
    makers: str = "worker"
    python: str = sys.executable
    _played: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._url = self.ground.database(self.name.partition(" ")[0].lower())
        one_database.create(self._url)
        with ExitStack() as stack:
            self._workers = Workers(self.python, stack)
            self.start(self._url, self._workers)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """Where there is no role `load`, the workers make the orders too."""
        return self._workers.pids

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop and waits for the last notification."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        makers = len(self._workers.pids[self.makers])
        share = self.outstanding // makers
        self._workers.say(self.makers, *(f"{first + n} {makers} {self._played} {share}" for n in range(makers)))
        one_database.await_notifications(self._url, self._played, self._workers.alive)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        return one_database.violations(self._url, self._played)
