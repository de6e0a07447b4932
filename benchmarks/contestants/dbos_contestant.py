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
from typing import Any

from benchmarks.contestant import Ground
from benchmarks.contestants.peer import Peer
from benchmarks.contestants.settings import DbosSettings
from benchmarks.contestants.workers import Workers


def dbos(
    ground: Ground, *, python: str = sys.executable, workers: int = 2, outstanding: int = 16, **tuned: Any
) -> Peer:
    """Workers, each a DBOS executor, that make their share of the orders themselves."""

    def start(url: str, running: Workers) -> None:
        for number in range(workers):
            running.start("worker", "dbos_app", DbosSettings(url, f"worker-{number}", **tuned))

    return Peer(ground, "DBOS Transact", start, outstanding, python=python)
