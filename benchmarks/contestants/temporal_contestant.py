"""Temporal as a contestant: every order one workflow of activities, their rows in one PostgreSQL.

The server is the development server of its command line on a SQLite file, made to wait for the disk at each commit; a
production installation, on PostgreSQL, costs more an order. What was tried to make it faster, in orders a second on the
machine this was written on: local activities, which are recorded together when the workflow waits or ends, so that a
crash repeats steps, 67 instead of 23; workflows started eagerly, by the worker that makes the order, 68 instead of 54;
workflows outside the sandbox. From 8 to 128 orders at once and two workers gave the same. Workers make the orders.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contestant import Ground
from benchmarks.contestants import engine_server
from benchmarks.contestants.peer import Peer
from benchmarks.contestants.settings import TemporalSettings
from benchmarks.contestants.workers import Workers
from farandole.proof.ground.ports import accepts_connections, free_port
from farandole.proof.ground.processes import Missing


def temporal(
    ground: Ground, *, python: str = sys.executable, workers: int = 1, outstanding: int = 16, **tuned: Any
) -> Peer:
    """One development server, and workers that make their share of the orders themselves."""

    def start(url: str, running: Workers) -> None:
        port = free_port()
        _serve(running, port)
        for _ in range(workers):
            running.start("worker", "temporal_app", TemporalSettings(url, f"127.0.0.1:{port}", **tuned))

    return Peer(ground, "Temporal", start, outstanding, python=python)


def _serve(running: Workers, port: int) -> None:
    program = engine_server.temporal()
    if program is None:
        raise Missing("no `temporal`, the command line of Temporal, in PATH")
    folder = running.folder()
    words: list[str | Path] = [program, "server", "start-dev", "--headless", "--log-level", "error"]
    words += ["--ip", "127.0.0.1", "--port", str(port), "--db-filename", folder / "temporal.sqlite"]
    words += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"]
    running.serve(words, folder, partial(accepts_connections, port))
