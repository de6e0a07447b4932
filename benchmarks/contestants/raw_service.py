"""One process of the raw limit: the records and rows of a saga are moved, nothing is decided; see `raw.py`.

Run as `python -m benchmarks.contestants.raw_service ROLE`. A service prints how many records it has dealt with, once
their rows are committed and their answers acknowledged; a line `first orders` on the standard input of the role `load`
makes that many. The end of standard input ends any role.
"""

import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.contestant import SKUS
from benchmarks.contestants.raw_steps import OUTBOX, Text, as_json, copied, relations, steps
from benchmarks.contestants.settings import RawSettings
from farandole.messaging.database import Relation


class Variant(NamedTuple):
    """One form of the same work; `patience` is how many seconds a consumer waits for a full batch."""

    batch: int
    copy: bool
    outbox: bool
    patience: float
    producer: Mapping[str, Any]
    consumer: Mapping[str, Any]


LARGE: Final = {"batch.size": 4_000_000, "batch.num.messages": 10_000, "linger.ms": 1000}
"""A request a batch: only `flush` sends."""
FULL: Final = {"fetch.min.bytes": 500_000, "fetch.wait.max.ms": 50, "max.partition.fetch.bytes": 8_000_000}
VARIANTS: Final = {
    "outbox": Variant(500, False, True, 0.02, {}, {}),
    "plain": Variant(500, False, False, 0.02, {}, {}),
    "copy": Variant(2_000, True, False, 0.05, LARGE, FULL),
}
COMMIT_SECONDS: Final = 0.2
"""The least time between two offsets told to Kafka; the database has them in each transaction."""


Header = tuple[str, bytes]
Record = tuple[str, bytes, bytes, list[Header]]
"""Topic, key, value and headers of a record to be said; the first header is its id."""


class Lane(NamedTuple):
    """A step made ready: its topics with the prefix, `answer` the middle of its answers' ids."""

    says: str
    value: Text
    headers: list[Header]
    rows: tuple[tuple[str, Text], ...]
    moves: tuple[tuple[str, int], ...]
    answer: bytes

    def move(self, key: bytes, cause: bytes, batch: "Batch") -> None:
        """Adds what an order's step moves to a batch; no two answers have the same id, and ids come in no order."""
        answer = key[:-9:-1] + self.answer + key[-12:]
        facts = (key, key[-12:].lstrip(b"0"), cause, answer)
        for table, (template, pick) in self.rows:
            batch.rows.setdefault(table, []).append(template % pick(facts))
        headers = [("ce_id", answer), ("ce_subject", key), *self.headers]
        if cause:
            headers.append(("ce_causationid", cause))
        template, pick = self.value
        batch.said.append((self.says, key, template % pick(facts), headers))
        for sku, units in self.moves:
            batch.moves[sku] += units


class Batch:
    """What one transaction writes and what is then said."""

    def __init__(self) -> None:
        self.rows: dict[str, list[bytes]] = {}
        self.said: list[Record] = []
        self.moves: Counter[str] = Counter()
        self.ends: dict[tuple[str, int], int] = {}


KEY: Final = b"01980000-0000-7000-8000-%012d"
"""An order id; its last digits are the order's number, of which two tell kind and lines."""
ANSWER: Final = b"-%04d-5000-8000-"


def lanes(role: str, settings: RawSettings) -> dict[str, dict[bytes, Lane]]:
    """By topic heard (`""`: an order comes in) and by the last two digits of an order's number: what to do."""
    variant, found = VARIANTS[settings.variant], dict[str, dict[bytes, Lane]]()
    render = copied if variant.copy else as_json
    for cart in range(SKUS):
        for number, step in enumerate(steps(cart, render, outbox=variant.outbox)):
            if step.service != role:
                continue
            lane = Lane(
                settings.prefix + step.says,
                step.value,
                step.headers,
                tuple(step.rows.items()),
                tuple(step.moves.items()),
                ANSWER % number,
            )
            found.setdefault(step.hears and settings.prefix + step.hears, {})[b"%02d" % cart] = lane
    return found


class Database:
    """A service's rows, as durable as PostgreSQL makes them."""

    def __init__(self, role: str, settings: RawSettings) -> None:
        self._variant = VARIANTS[settings.variant]
        self._connection = psycopg.connect(settings.databases[role], autocommit=True, prepare_threshold=0)
        write = copying if self._variant.copy else inserting
        self._statements = {name: write(relation) for name, relation in relations(role).items()}
        self._acknowledged: list[str] = []

    def store(self, batch: Batch) -> None:
        """One transaction. Everything said before it is durable by then, so those outbox rows go."""
        if not self._variant.copy:
            with self._connection.pipeline(), self._connection.transaction():
                self._rest(batch)
                for table, rendered in batch.rows.items():
                    self._execute(self._statements[table], f"[{b','.join(rendered).decode()}]")
            return
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with self._connection.pipeline():
                self._rest(batch)
            for table, rendered in batch.rows.items():
                with cursor.copy(self._statements[table].encode()) as block:
                    block.write(b"".join(rendered))

    def _rest(self, batch: Batch) -> None:
        if self._acknowledged:
            self._execute(f"DELETE FROM {OUTBOX} WHERE id = ANY(%s::uuid[])", f"{{{','.join(self._acknowledged)}}}")
        self._acknowledged = [said[3][0][1].decode() for said in batch.said] if self._variant.outbox else []
        if batch.moves:
            self._execute(MOVE, json.dumps(batch.moves))
        if batch.ends:
            self._execute(ADVANCE, json.dumps([[*place, end] for place, end in batch.ends.items()]))

    def _execute(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)


MOVE: Final = """
    UPDATE stock SET available = available - value::bigint, reserved = reserved + value::bigint
    FROM json_each_text(%s) WHERE sku = key"""
ADVANCE: Final = """
    INSERT INTO consumer_offsets SELECT
        value->>0, (value->>1)::int, '0123456789abcdefghijkl', (value->>2)::bigint, (value->>2)::bigint
    FROM json_array_elements(%s)
    ON CONFLICT (topic, partition) DO UPDATE SET decided = excluded.decided, acked = excluded.acked"""


def copying(relation: Relation[Any]) -> str:
    return f"COPY {relation.name} ({', '.join(relation.columns)}) FROM STDIN"


def inserting(relation: Relation[Any]) -> str:
    """All rows as one JSON document."""
    types = {column: relation.sql_type(column) for column in relation.columns}
    given = ", ".join(f"{column} {kind.replace('BYTEA', 'text')}" for column, kind in types.items())
    taken = (f"convert_to({column}, 'UTF8')" if kind == "BYTEA" else column for column, kind in types.items())
    return f"INSERT INTO {relation.name} SELECT {', '.join(taken)} FROM json_to_recordset(%s) given({given})"


class Speaker:
    """Says records and returns once all of them are durable."""

    def __init__(self, settings: RawSettings) -> None:
        durable = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 0}
        own = {"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random"}
        self._producer = Producer({**VARIANTS[settings.variant].producer, **durable, **own})

    def say(self, records: Sequence[Record]) -> None:
        produce: Any = self._producer.produce
        for topic, key, value, headers in records:
            produce(topic, value, key, headers=headers)
        if left := self._producer.flush():
            raise RuntimeError(f"expected all records acknowledged, found {left} that are not")


class Listener:
    """Hears in batches, from the beginning on."""

    def __init__(self, role: str, settings: RawSettings, topics: Sequence[str]) -> None:
        self._variant = VARIANTS[settings.variant]
        own = {"group.id": settings.prefix + role, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self._consumer = Consumer({**self._variant.consumer, **own, "bootstrap.servers": settings.bootstrap})
        numbers = range(settings.partitions)
        self._consumer.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for topic in topics for number in numbers]
        )
        self._committed = time.monotonic()

    def hear(self) -> list[Any]:
        found = self._consumer.consume(self._variant.batch, self._variant.patience)
        return [message for message in found if message.error() is None]  # what is an error passes by itself

    def commit(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Tells Kafka, now and then, where to read on."""
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self._consumer.commit(offsets=[TopicPartition(*place, end) for place, end in ends.items()])
            self._committed = time.monotonic()


class Service:
    """Hears in batches, stores rows and answers."""

    def __init__(self, role: str, settings: RawSettings) -> None:
        self._lanes = {topic: lane for topic, lane in lanes(role, settings).items() if topic}
        self._database, self._speaker = Database(role, settings), Speaker(settings)
        self._listener = Listener(role, settings, list(self._lanes))

    def turn(self) -> int:
        """Deals with one batch; returns its records."""
        heard = self._listener.hear()
        if not heard:
            return 0
        batch = Batch()
        for message in heard:
            key, topic = message.key(), message.topic()
            self._lanes[topic][key[-2:]].move(key, message.headers()[0][1], batch)
            batch.ends[topic, message.partition()] = message.offset() + 1
        self._database.store(batch)
        self._speaker.say(batch.said)
        self._listener.commit(batch.ends)
        return len(heard)


def serve(role: str, settings: RawSettings) -> None:
    service, done = Service(role, settings), 0
    threading.Thread(target=_end_with_input, daemon=True).start()
    print("ready", flush=True)
    while True:
        if records := service.turn():
            done += records
            print(done, flush=True)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def load(settings: RawSettings) -> None:
    """The order service's intake without HTTP."""
    intake, size = lanes("order", settings)[""], VARIANTS[settings.variant].batch
    database, speaker = Database("order", settings), Speaker(settings)
    print("ready", flush=True)
    for line in sys.stdin:
        first, orders = map(int, line.split())
        for start, end in pairwise([*range(first, first + orders, size), first + orders]):
            batch = Batch()
            for key in (KEY % number for number in range(start, end)):
                intake[key[-2:]].move(key, b"", batch)
            database.store(batch)
            speaker.say(batch.said)


def main(role: str) -> None:
    gc.disable()
    settings = RawSettings.from_environment()
    if role == "load":
        load(settings)
    else:
        serve(role, settings)


if __name__ == "__main__":
    main(sys.argv[1])
