"""DBOS Transact as a contestant: every order one workflow of durable steps, all in one PostgreSQL.

What was tried to make it faster, in orders a second on the machine this was written on: workflows started directly by
two worker processes, 16 at once over a pool of 8 connections each, 76, which is what runs; 32 at once 68; a queue with
polling intervals from 10 to 100 ms 51 to 59; each step in a transaction of its data source 35. More workers than cores
gave nothing. The workers make the orders themselves, so no HTTP is paid for.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from benchmarks.contestant import SCARCE, SKUS, Ground, Play
from benchmarks.contestants.dbos_settings import Settings

RECEIVED = 1_000_000_000
START_SECONDS = 60
QUIET_SECONDS = 60
"""Longer than this without one more notification, and a run is given up."""
SCHEMA = """
CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL, amount numeric NOT NULL);
CREATE TABLE order_lines (order_id text, sku text, quantity int, price numeric, PRIMARY KEY (order_id, sku));
CREATE TABLE stock (
    sku text PRIMARY KEY, received bigint NOT NULL, available bigint NOT NULL CHECK (available >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0)
) WITH (fillfactor = 50);
CREATE TABLE reservations (order_id text PRIMARY KEY, status text NOT NULL);
CREATE TABLE reservation_lines (order_id text, sku text, quantity int, PRIMARY KEY (order_id, sku));
CREATE TABLE payments (order_id text PRIMARY KEY, status text NOT NULL, amount numeric NOT NULL);
CREATE TABLE notifications (order_id text PRIMARY KEY, kind text NOT NULL);
"""
CHECKS = {
    "orders whose status is not the expected one": """
        SELECT count(*) FROM generate_series(0, %(last)s) AS n LEFT JOIN orders ON orders.id = 'order-' || n
        WHERE orders.status IS DISTINCT FROM
            CASE n %% 10 WHEN 8 THEN 'PAYMENT_FAILED' WHEN 9 THEN 'FAILED' ELSE 'COMPLETED' END""",
    "orders without the notification of their status": """
        SELECT count(*) FROM orders LEFT JOIN notifications ON order_id = id WHERE kind IS DISTINCT FROM status""",
    "notifications of no order": "SELECT count(*) FROM notifications WHERE order_id NOT IN (SELECT id FROM orders)",
    "orders too many": "SELECT greatest(count(*) - %(last)s - 1, 0) FROM orders",
    "SKUs whose stock does not add up": "SELECT count(*) FROM stock WHERE available + reserved <> received",
    "SKUs that reserve other than their orders": """
        SELECT count(*) FROM stock LEFT JOIN (
            SELECT line.sku, sum(quantity) AS held FROM reservation_lines AS line
            JOIN orders ON orders.id = line.order_id WHERE orders.status IN ('PENDING', 'COMPLETED') GROUP BY line.sku
        ) AS taken USING (sku) WHERE reserved <> coalesce(held, 0)""",
}


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
    _running: list[subprocess.Popen[str]] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._url = self.ground.database("dbos")
        with psycopg.connect(self._url) as database:
            database.execute(SCHEMA)
            rows = [*((f"SKU-{number:06}", RECEIVED) for number in range(SKUS)), (SCARCE, 0)]
            database.cursor().executemany("INSERT INTO stock VALUES (%s, %s, %s, 0)", [(s, n, n) for s, n in rows])
        try:
            for number in range(self.workers):
                self._start(number)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """Workers; they make the orders too."""
        return {"worker": [process.pid for process in self._running]}

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop and waits for the last notification."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        share = self.outstanding // self.workers
        for number, process in enumerate(self._running):
            self._say(process, f"{first + number} {self.workers} {self._played} {share}")
        self._wait_until(self._played)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        """Every order ended once, as its number tells; the stock adds up."""
        found = []
        with psycopg.connect(self._url) as database:
            for what, statement in CHECKS.items():
                row = database.execute(statement, {"last": self._played - 1}).fetchone()
                if row is not None and row[0]:
                    found.append(f"{row[0]} {what}")
        return found

    def _start(self, number: int) -> None:
        chosen = Settings(
            url=self._url.replace("postgresql://", "postgresql+psycopg://", 1),
            executor=f"worker-{number}",
            **self.settings,
        )
        process = subprocess.Popen(
            [self.python, "-m", "benchmarks.contestants.dbos_app"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=chosen.environment(),
        )
        self._running.append(process)
        self._stack.callback(self._end, process)
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"worker {number} did not start")

    @staticmethod
    def _say(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        print(line, file=process.stdin, flush=True)

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until(self, orders: int) -> None:
        with psycopg.connect(self._url, autocommit=True) as database:
            seen, since = -1, time.monotonic()
            while (count := _notified(database)) < orders:
                if any(process.poll() is not None for process in self._running):
                    raise RuntimeError(f"a worker ended after {count} of {orders} notifications")
                if count != seen:
                    seen, since = count, time.monotonic()
                elif time.monotonic() - since > QUIET_SECONDS:
                    raise TimeoutError(f"{count} of {orders} notifications, none in the last {QUIET_SECONDS} s")
                time.sleep(0.02)


def _notified(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM notifications").fetchone()
    assert row is not None
    return int(row[0])
