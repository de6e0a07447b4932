"""The raw limit: the same records through Kafka and the same rows into PostgreSQL as Farandole's, and no logic at all.

Nothing durable can cost less here: what a contestant costs beyond this is what it does, not what it stores. An order is
made by the role `load`, which writes its row and says `order.placed` without HTTP; four services do the rest. They move
bytes: nothing is decoded, decided, loaded or encoded, texts with gaps are filled in (`raw_steps.py`).
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, Self

import psycopg
import sqlalchemy as sa
from confluent_kafka import Consumer, TopicPartition

from benchmarks.contestant import RECEIVED, SKUS, STOCK, Ground, Play
from benchmarks.contestants.raw_steps import SERVICES, Step, as_json, steps
from benchmarks.contestants.settings import RawSettings
from benchmarks.contestants.workers import Workers
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
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        databases = {service: self._ground.database(service) for service in SERVICES}
        self._settings = RawSettings(
            self._ground.bootstrap, self._ground.topic_prefix(), self._variant, self._partitions, databases
        )
        self._create_tables()
        self._ground.create_topics([self._settings.prefix + topic for topic in TOPICS], self._partitions)
        with ExitStack() as stack:
            self._running = Workers(sys.executable, stack)
            for role in (*SERVICES, "load"):
                self._running.start(role, "raw_service", self._settings, role)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        """One process a role; `load` is the order service's intake too, order rows and `order.placed` included."""
        return self._running.pids

    def play(self, orders: int) -> Play:
        """From the first order made until every service has committed its rows and its answers are acknowledged."""
        began = time.monotonic()
        self._running.say("load", f"{self._played} {orders}")
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
        while int(self._running.hear(service)) < records:
            pass

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
        with psycopg.connect(self._settings.databases["inventory"]) as database:
            database.cursor().executemany(INSERT_STOCK, list(STOCK.items()))


def _differences(found: Any, expected: Any) -> list[str]:
    return [
        f"{name}: expected {expected.get(name, 0)}, found {found.get(name, 0)}"
        for name in sorted({*found, *expected})
        if found.get(name, 0) != expected.get(name, 0)
    ]
