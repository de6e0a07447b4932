"""The raw limit: the same records through Kafka and the same rows into PostgreSQL as a saga has, and no logic at all.

Nothing durable can cost less here: what a contestant costs beyond this is what it does, not what it stores. An order is
made by the role `load`, which writes its row and says `order.placed` without HTTP; four services do the rest.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from subprocess import PIPE
from typing import Any, Final, Self

import msgspec
import psycopg
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.contestant import KINDS, SCARCE, SKUS, Ground, Play
from benchmarks.contestants.raw_service import (
    COLUMNS,
    INTAKE,
    LINES,
    SERVICES,
    STEPS,
    VARIABLE,
    Settings,
    Step,
    units,
)

RECEIVED: Final = 1_000_000_000
TOPICS: Final = tuple(dict.fromkeys(step.says for step in (INTAKE, *STEPS)))


def path(kind: str) -> list[Step]:
    """The steps that an order of this kind takes."""
    taken = [INTAKE]
    for said in taken:
        for service in SERVICES:
            fit = [s for s in STEPS if (s.service, s.hears) == (service, said.says) and s.kind in (None, kind)]
            taken += fit[-1:]
    return taken


class Raw:
    """Four services and the load, a process each; `variant` is a name of VARIANTS."""

    def __init__(self, ground: Ground, variant: str = "copy", partitions: int = 1) -> None:
        self.name = f"raw limit, {variant}"
        self._ground, self._variant, self._partitions = ground, variant, partitions
        self._played = 0
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        databases = {service: self._ground.database(service) for service in SERVICES}
        self._settings = Settings(
            self._ground.bootstrap, self._ground.topic_prefix(), self._variant, self._partitions, databases
        )
        self._create_tables()
        self._create_topics()
        with ExitStack() as stack:
            for role in (*SERVICES, "load"):
                self._running[role] = stack.enter_context(_started(role, self._settings))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """One process a role; `load` is the order service's intake too, order rows and `order.placed` included."""
        return {role: [process.pid] for role, process in self._running.items()}

    def play(self, orders: int) -> Play:
        """From the first order made until every service has committed its rows and its answers are acknowledged."""
        began = time.monotonic()
        print(self._played, orders, file=self._running["load"].stdin, flush=True)
        self._played += orders
        expected = Counter(step.service for step in self._taken() if step is not INTAKE)
        for service, records in expected.items():
            self._await(service, records)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        """Rows by table, records by topic and units of stock are what the mix makes them."""
        taken = self._taken()
        tables = Counter((step.service, step.table) for step in taken)
        rows = {place: self._rows(place[0], f"SELECT count(*) FROM {place[1]}")[0][0] for place in tables}
        stock = dict(self._rows("inventory", "SELECT sku, reserved FROM stock WHERE reserved <> 0"))
        uneven = self._rows("inventory", "SELECT sku FROM stock WHERE available + reserved <> received")
        carts = Counter(n % SKUS for n in range(self._played) if KINDS[n % len(KINDS)] == "completed")
        found = _differences(rows, tables) + _differences(self._records(), Counter(step.says for step in taken))
        return found + _differences(stock, units(carts)) + [f"{sku}: does not add up" for (sku,) in uneven]

    def _taken(self) -> list[Step]:
        """Every step of every order so far."""
        kinds = Counter(KINDS[number % len(KINDS)] for number in range(self._played))
        return [step for kind, orders in kinds.items() for step in path(kind) * orders]

    def _await(self, service: str, records: int) -> None:
        process, found = self._running[service], 0
        while found < records:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{service} ended after {found} of {records} records")
            found = int(line)

    def _records(self) -> dict[str, int]:
        consumer = Consumer(
            {"bootstrap.servers": self._settings.bootstrap, "group.id": f"{self._settings.prefix}count"}
        )
        found: Counter[str] = Counter()
        for topic in TOPICS:
            for number in range(self._partitions):
                place = TopicPartition(self._settings.prefix + topic, number)
                found[topic] += consumer.get_watermark_offsets(place)[1]
        consumer.close()
        return found

    def _rows(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._settings.databases[service]) as database:
            return database.execute(statement).fetchall()

    def _create_tables(self) -> None:
        for service, url in self._settings.databases.items():
            with psycopg.connect(url) as database:
                for table in {step.table for step in (INTAKE, *STEPS) if step.service == service}:
                    database.execute(f"CREATE TABLE {table} ({COLUMNS}, PRIMARY KEY (order_id))")
                database.execute("CREATE TABLE offsets (place text PRIMARY KEY, decided bigint NOT NULL)")
                database.execute(
                    "CREATE TABLE outbox (role text, id bigint, topic text, key uuid, value text, PRIMARY KEY (role, id))"
                )
        with psycopg.connect(self._settings.databases["inventory"]) as database:
            database.execute(
                "CREATE TABLE stock (sku text PRIMARY KEY, received bigint, available bigint, reserved bigint)"
            )
            values = [(sku, RECEIVED, RECEIVED) for sku in {sku for cart in LINES for sku, *_ in cart} - {SCARCE}]
            database.cursor().executemany("INSERT INTO stock VALUES (%s, %s, %s, 0)", [*values, (SCARCE, 0, 0)])

    def _create_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._settings.bootstrap})
        topics = [NewTopic(self._settings.prefix + topic, self._partitions, 1) for topic in TOPICS]
        for created in admin.create_topics(topics).values():
            created.result(30)


@contextmanager
def _started(role: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready; it ends when its standard input does."""
    environment = os.environ | {VARIABLE: msgspec.json.encode(settings).decode()}
    command = [sys.executable, "-m", "benchmarks.contestants.raw_service", role]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{role} did not start")
        yield process


def _differences(found: Any, expected: Any) -> list[str]:
    return [
        f"{name}: expected {expected.get(name, 0)}, found {found.get(name, 0)}"
        for name in sorted({*found, *expected})
        if found.get(name, 0) != expected.get(name, 0)
    ]
