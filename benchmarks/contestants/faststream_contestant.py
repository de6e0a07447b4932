"""FastStream with SQLAlchemy as a contestant: a service a process, one transaction and one publish a message.

What was tried to make it faster, in orders a second on a busy machine, median (lowest-highest) of three rounds in turns:
message by message in four subscribers a topic, psycopg, 82 (71-88) with 128 orders at once and 92 (85-96) with 256.
Batches whose handlers run at the same time, each still with a transaction and a publish of its own, on asyncpg: 147
(143-169) as it runs here, and between 133 and 156 with batches of 50, 128 orders at once, four partitions or a linger of
5 ms, which three rounds cannot tell apart. Tried once each, without a gain that could be seen: one or eight subscribers,
4, 8 or 32 database connections, 512 orders at once. The load calls the order service as a library: no HTTP is paid for.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from benchmarks.contestant import STOCK, Ground, Play, await_count
from benchmarks.contestants import one_database
from benchmarks.contestants.settings import GROUPS, TOPICS, FastStreamSettings
from benchmarks.contestants.workers import Workers

EXPECTED = ("COMPLETED",) * 8 + ("PAYMENT_FAILED", "FAILED")
"""The status of order `n` is the one at `n` modulo ten."""


@dataclass
class FastStreamSaga:
    """Four services, a process and a database each, and a process that makes the orders."""

    ground: Ground
    outstanding: int = 256
    python: str = sys.executable
    partitions: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = "FastStream + SQLAlchemy"
    _databases: dict[str, str] = field(default_factory=dict)
    _played: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        prefix = self.ground.topic_prefix()
        self._databases = {service: self.ground.database(service) for service in GROUPS}
        chosen = FastStreamSettings(self.ground.bootstrap, prefix, self._databases, **self.settings)
        self._create_tables(chosen)
        self.ground.create_topics([prefix + topic for topic in TOPICS], self.partitions)
        with ExitStack() as stack:
            self._running = Workers(self.python, stack)
            for service in GROUPS:
                self._running.start(service, "faststream_app", chosen, service)
            self._running.start("load", "faststream_load", chosen)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """One process a service; `load` calls the order service's `place` as a library, rows and event included."""
        return self._running.pids

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop; ends with the last notification and the last status."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        self._running.say("load", f"{first} {self._played} {self.outstanding}")
        self._wait_until("notification", one_database.NOTIFIED)
        self._wait_until("order", "SELECT count(*) FROM orders WHERE status <> 'PENDING'")
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        """Every order ended once, as its number tells, with one notification; the stock adds up."""
        orders = dict(self._rows("order", "SELECT id, status FROM orders"))
        notes = self._rows("notification", "SELECT order_id, kind FROM notifications")
        expected = {f"order-{number}": EXPECTED[number % len(EXPECTED)] for number in range(self._played)}
        found = []
        if orders != expected:
            found.append(f"{len(orders.items() ^ expected.items())} differences between statuses and what was expected")
        if sorted(notes) != sorted(expected.items()):
            found.append(f"{len(set(notes) ^ set(expected.items()))} differences between notifications and orders")
        return found + self._stock_violations(orders)

    def _stock_violations(self, orders: dict[str, str]) -> list[str]:
        held: dict[str, int] = {}
        for order, sku, quantity in self._rows("inventory", "SELECT order_id, sku, quantity FROM reservation_lines"):
            if orders.get(order) in {"PENDING", "COMPLETED"}:
                held[sku] = held.get(sku, 0) + quantity
        stock = self._rows("inventory", "SELECT sku, received, available, reserved FROM stock")
        uneven = [sku for sku, received, available, reserved in stock if available + reserved != received]
        unlike = [sku for sku, _, _, reserved in stock if reserved != held.get(sku, 0)]
        found = [f"{len(uneven)} SKUs whose stock does not add up"] if uneven else []
        return found + ([f"{len(unlike)} SKUs that reserve other than their orders"] if unlike else [])

    def _rows(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._databases[service]) as database:
            return database.execute(statement).fetchall()

    def _create_tables(self, chosen: FastStreamSettings) -> None:
        tables = [self.python, "-m", "benchmarks.contestants.faststream_models"]
        subprocess.run(tables, env=chosen.environment(), check=True)
        with psycopg.connect(self._databases["inventory"]) as database:
            values = [(sku, received, received) for sku, received in STOCK.items()]
            database.cursor().executemany(
                "INSERT INTO stock (sku, received, available, reserved) VALUES (%s, %s, %s, 0)", values
            )

    def _wait_until(self, service: str, statement: str) -> None:
        with psycopg.connect(self._databases[service], autocommit=True) as database:
            await_count(
                lambda: int(database.execute(statement).fetchall()[0][0]), self._played, alive=self._running.alive
            )
