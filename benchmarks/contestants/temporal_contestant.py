"""Temporal as a contestant: every order one workflow of activities, their rows in one PostgreSQL.

The server is the development server of its command line on a SQLite file, made to wait for the disk at each commit; a
production installation, on PostgreSQL, costs more an order. What was tried to make it faster, in orders a second on the
machine this was written on: local activities, which are recorded together when the workflow waits or ends, so that a
crash repeats steps, 67 instead of 23; workflows started eagerly, by the worker that makes the order, 68 instead of 54;
workflows outside the sandbox. From 8 to 128 orders at once and two workers gave the same. Workers make the orders.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from benchmarks.contestant import Ground, Play
from benchmarks.contestants import engine_server, one_database
from benchmarks.contestants.temporal_settings import Settings
from benchmarks.contestants.workers import Workers
from farandole.proof.ground.ports import accepts_connections, free_port
from farandole.proof.ground.processes import Missing


@dataclass
class Temporal:
    """One development server, and workers that make their share of the orders themselves."""

    ground: Ground
    python: str = sys.executable
    outstanding: int = 16
    workers: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = "Temporal"
    _url: str = ""
    _played: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        program = engine_server.temporal()
        if program is None:
            raise Missing("no `temporal`, the command line of Temporal, in PATH")
        self._url = self.ground.database("temporal")
        one_database.create(self._url)
        self._running = Workers(self.python, self._stack)
        port = free_port()
        chosen = Settings(self._url, f"127.0.0.1:{port}", **self.settings)
        try:
            self._serve(program, port)
            for _ in range(self.workers):
                self._running.start("worker", "benchmarks.contestants.temporal_app", chosen.environment())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """Workers; they make the orders too."""
        return {"server": [self._server.pid], **self._running.pids}

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop and waits for the last notification."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        share = self.outstanding // self.workers
        self._running.say(
            "worker", *(f"{first + number} {self.workers} {self._played} {share}" for number in range(self.workers))
        )
        one_database.await_notifications(self._url, self._played, self._alive)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        return one_database.violations(self._url, self._played)

    def _alive(self) -> bool:
        return self._running.alive() and self._server.poll() is None

    def _serve(self, program: Path, port: int) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="temporal-")))
        words: list[str | Path] = [program, "server", "start-dev", "--headless", "--log-level", "error"]
        words += ["--ip", "127.0.0.1", "--port", str(port), "--db-filename", folder / "temporal.sqlite"]
        words += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"]
        self._server = engine_server.serve(self._stack, words, folder, partial(accepts_connections, port))
