"""DBOS Transact as a contestant: every order one workflow of durable steps, all in one PostgreSQL.

What was tried to make it faster, in orders a second on the machine this was written on, two worker processes with 16
orders at once: workflows that DBOS starts, steps by SQLAlchemy, 80; steps by psycopg with prepared statements, each a
transaction of its own in one trip, 88; moreover worker threads call the workflows themselves, no connection is pinged
before it is used, and garbage is looked for less often, 95 to 100, which is what runs. With it, 8 orders at once gave
97, 32 gave 86, three workers 77. Async workflows whose steps are those that Restate calls, on asyncpg and uvloop: 86;
with less garbage collection and four threads for DBOS 95, at 18.0 ms of CPU an order where threads take 17.5. For
DBOS itself is synchronous: also beside async code it keeps its journal by SQLAlchemy in threads, in eleven
transactions an order, and they cost more than four fifths of a worker's time. A queue with polling intervals from 10
to 100 ms took a quarter to a third away, each step in a transaction of its data source (a second journal) half.

The workers make the orders themselves, so no HTTP is paid for.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.contestant import Ground, Play
from benchmarks.contestants import one_database
from benchmarks.contestants.dbos_settings import Settings
from benchmarks.contestants.workers import Workers


@dataclass
class Dbos:
    """Workers, each a DBOS executor; without a queue they make their share of the orders themselves."""

    ground: Ground
    workers: int = 2
    outstanding: int = 16
    python: str = sys.executable
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = "DBOS Transact"
    _url: str = ""
    _played: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._url = self.ground.database("dbos")
        self._running = Workers(self.python, self._stack)
        one_database.create(self._url)
        url = self._url.replace("postgresql://", "postgresql+psycopg://", 1)
        try:
            for number in range(self.workers):
                chosen = Settings(url=url, executor=f"worker-{number}", **self.settings)
                self._running.start("worker", "benchmarks.contestants.dbos_app", chosen.environment())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """Workers; they make the orders too."""
        return dict(self._running.pids)

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop and waits for the last notification."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        share = self.outstanding // self.workers
        self._running.say(
            "worker", *(f"{first + number} {self.workers} {self._played} {share}" for number in range(self.workers))
        )
        one_database.await_notifications(self._url, self._played, self._running.alive)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        return one_database.violations(self._url, self._played)
