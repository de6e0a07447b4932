"""The raw limit: the same records through Kafka and the same rows into PostgreSQL as Farandole's, and no logic at all.

Nothing durable can cost less here: what a contestant costs beyond this is what it does, not what it stores. An order is
made by the role `load`, which writes its row and says `order.placed` without HTTP; four services do the rest. They move
bytes: nothing is decoded, decided, loaded or encoded, texts with gaps are filled in (`raw_steps.py`).
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from subprocess import PIPE
from typing import Any, Final, Self

import msgspec
import psycopg
import sqlalchemy as sa
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.contestant import SCARCE, SKUS, Ground, Play, lines
from benchmarks.contestants.raw_service import VARIABLE, Settings
from benchmarks.contestants.raw_steps import RECEIVED, SERVICES, Step, as_json, steps
from farandole.runtime.wiring import STORAGES, TOPICS

TAKEN: Final = [list(steps(cart, as_json)) for cart in range(SKUS)]
"""By the last two digits of an order's number: the steps it takes."""
INSERT_STOCK: Final = "INSERT INTO stock (sku, available, reserved) VALUES (%s, %s, 0)"


class Raw:
    """Four services and the load, a process each; `variant` is a name of VARIANTS."""

    def __init__(self, ground: Ground, variant: str = "copy", partitions: int = 6) -> None:
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
        for service, records in self._expected(lambda step: [step.service] if step.hears else []).items():
            self._await(service, records)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        """Rows by table, records by topic and units of stock are what the mix makes them."""
        rows = self._expected(lambda step: [f"{step.service}.{table}" for table in step.rows])
        held = self._expected(lambda step: step.moves)
        uneven = self._rows("inventory", "SELECT sku FROM stock WHERE available + reserved NOT IN (0, %s)", RECEIVED)
        return [
            *_differences({name: self._count(*name.split(".")) for name in rows}, rows),
            *_differences(self._records(), self._expected(lambda step: [step.says])),
            *_differences(dict(self._rows("inventory", "SELECT sku, reserved FROM stock WHERE reserved <> 0")), held),
            *(f"{sku}: does not add up" for (sku,) in uneven),
        ]

    def _expected(self, counted: Callable[[Step], Iterable[str] | Mapping[str, int]]) -> dict[str, int]:
        """How often something is in the steps of all orders so far; what is there not once is left out."""
        found: Counter[str] = Counter()
        carts = Counter(number % SKUS for number in range(self._played))
        for cart, times in carts.items():
            for step in TAKEN[cart]:
                amounts = counted(step)
                one = amounts if isinstance(amounts, Mapping) else Counter(amounts)
                found.update({name: units * times for name, units in one.items()})
        return {name: units for name, units in found.items() if units}

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

    def _count(self, service: str, table: str) -> int:
        return int(self._rows(service, f"SELECT count(*) FROM {table}")[0][0])

    def _rows(self, service: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._settings.databases[service]) as database:
            return database.execute(statement, values).fetchall()

    def _create_tables(self) -> None:
        """Every table, index and constraint of Farandole's."""
        for service, url in self._settings.databases.items():
            engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
            STORAGES[service].METADATA.create_all(engine)
            engine.dispose()
        names = {sku for cart in range(SKUS) for sku, *_ in lines(cart)}
        with psycopg.connect(self._settings.databases["inventory"]) as database:
            received = [(sku, 0 if sku == SCARCE else RECEIVED) for sku in sorted(names)]
            database.cursor().executemany(INSERT_STOCK, received)

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
