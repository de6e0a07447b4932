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
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast

import msgspec
import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.contestant import KINDS, SKUS, lines

VARIABLE: Final = "FARANDOLE_BENCHMARK_RAW"
VALUE_BYTES: Final = 400


class Step(NamedTuple):
    """What a service does with a record: a row in `table`, a record on the topic `says`, `moves` units of stock a line."""

    service: str
    hears: str
    table: str
    status: str
    says: str
    moves: int = 0
    kind: str | None = None
    """The only kind of order that takes this step; it then takes no other."""


STEPS: Final = (
    Step("inventory", "order.placed", "reservations", "RESERVED", "order.validated", moves=1),
    Step("inventory", "order.placed", "reservations", "INSUFFICIENT", "order.failed", kind="out_of_stock"),
    Step("payment", "order.validated", "payments", "COMPLETED", "order.paid"),
    Step("payment", "order.validated", "payments", "FAILED", "payment.failed", kind="payment_failed"),
    Step("order", "order.paid", "outcomes", "COMPLETED", "order.completed"),
    Step("notification", "order.completed", "notices", "COMPLETED", "saga.steps"),
    Step("inventory", "payment.failed", "releases", "RELEASED", "saga.steps", moves=-1),
    Step("order", "payment.failed", "outcomes", "PAYMENT_FAILED", "saga.steps"),
    Step("notification", "payment.failed", "notices", "PAYMENT_FAILED", "saga.steps"),
    Step("order", "order.failed", "outcomes", "FAILED", "saga.steps"),
    Step("notification", "order.failed", "notices", "FAILED", "saga.steps"),
)
INTAKE: Final = Step("order", "", "orders", "PENDING", "order.placed")
SERVICES: Final = ("order", "inventory", "payment", "notification")
WHOLE: Final = {"orders": "customer lines", "reservations": "customer lines", "payments": "customer"}
"""The tables that keep more than the step, and what."""
COLUMNS: Final = "order_id uuid, cause_id uuid, digest text, decided_at bigint, status text, customer text, lines text"


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


class Settings(msgspec.Struct):
    """Where the servers are; `databases` has a libpq URL a service."""

    bootstrap: str
    prefix: str
    variant: str
    partitions: int
    databases: dict[str, str]


Record = tuple[str, bytes, bytes]
"""Topic, key and value of a record to be said."""

KEY: Final = b"01980000-0000-7000-8000-%012d"
"""An order id; its last two digits tell kind and lines."""
CUSTOMER: Final = b'{"id":"c-%012d","email":"customer-%012d@example.com"}'
EVENT: Final = b'{"order_id":"%b","customer":%b,"currency":"USD","lines":%b}'
_AT: Final = EVENT.index(b"%b", 20) + len(KEY % 0) - 2
_CUSTOMER: Final = slice(_AT, _AT + len(CUSTOMER % (0, 0)))
LINES: Final = [lines(number) for number in range(SKUS)]
CARTS: Final = [
    json.dumps([{"sku": s, "quantity": q, "unit_price": p} for s, q, p in cart], separators=(",", ":")).encode()
    for cart in LINES
]


def event(number: int) -> tuple[bytes, bytes]:
    """Key and value of every record about one order."""
    key = KEY % number
    return key, (EVENT % (key, CUSTOMER % (number, number), CARTS[number % SKUS])).ljust(VALUE_BYTES)


def template(step: Step, copy: bool) -> bytes:
    """A row of the step's table for `%`: order id, cause id, customer, lines; `%.0b` swallows what it does not keep."""
    kept = WHOLE.get(step.table, "")
    digest, status = b"0123456789abcdef", step.status.encode()
    absent = rb"\N" if copy else b"null"
    customer, cart = (b"%b" if name in kept else absent + b"%.0b" for name in ("customer", "lines"))
    if copy:
        return b"%%b\t%%b\t%b\t1767225600000000\t%b\t%b\t%b\n" % (digest, status, customer, cart)
    return (
        b'{"order_id":"%%b","cause_id":"%%b","digest":"%b","decided_at":1767225600000000,'
        b'"status":"%b","customer":%b,"lines":%b}' % (digest, status, customer, cart)
    )


class Database:
    """A service's rows, as durable as PostgreSQL makes them."""

    def __init__(self, role: str, url: str, variant: Variant) -> None:
        self._role, self._variant = role, variant
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        self._written = self._acknowledged = self._deleted = 0

    def store(
        self, rows: Mapping[str, Sequence[bytes]], said: Sequence[Record], moves: Mapping[str, int], ends: str
    ) -> None:
        """One transaction: rows rendered by their templates, an outbox row a record, units by SKU, offsets as JSON."""
        if not self._variant.copy:
            with self._connection.pipeline(), self._connection.transaction():
                for table, rendered in rows.items():
                    self._insert(table, COLUMNS, b",".join(rendered))
                self._rest(said, moves, ends)
            return
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with self._connection.pipeline():
                self._rest((), moves, ends)
            for table, rendered in rows.items():
                with cursor.copy(f"COPY {table} FROM STDIN".encode()) as block:
                    block.write(b"".join(rendered))

    def acknowledge(self) -> None:
        """All that was said is durable in Kafka."""
        self._acknowledged = self._written

    def _insert(self, table: str, columns: str, rows: bytes) -> None:
        self._execute(f"INSERT INTO {table} SELECT * FROM json_to_recordset(%s) t({columns})", f"[{rows.decode()}]")

    def _rest(self, said: Sequence[Record], moves: Mapping[str, int], ends: str) -> None:
        if self._variant.outbox:
            self._renew_outbox(said)
        if moves:
            self._execute(
                "UPDATE stock SET available = available - value::bigint, reserved = reserved + value::bigint"
                " FROM json_each_text(%s) WHERE sku = key",
                json.dumps(moves),
            )
        if ends:
            self._execute(
                "INSERT INTO offsets SELECT key, value::bigint FROM json_each_text(%s)"
                " ON CONFLICT (place) DO UPDATE SET decided = excluded.decided",
                ends,
            )

    def _renew_outbox(self, said: Sequence[Record]) -> None:
        gone, self._deleted = self._deleted, self._acknowledged
        self._execute(
            "DELETE FROM outbox WHERE role = %s AND id > %s AND id <= %s", self._role, gone, self._acknowledged
        )
        row = b'{"role":"%b","id":%%d,"topic":"%%b","key":"%%b","value":%%b}' % self._role.encode()
        rows = [row % (n, t.encode(), k, v) for n, (t, k, v) in enumerate(said, self._written + 1)]
        self._written += len(said)
        self._insert("outbox", "role text, id bigint, topic text, key uuid, value text", b",".join(rows))

    def _execute(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)


class Speaker:
    """Says records and returns once all of them are durable."""

    def __init__(self, settings: Settings, variant: Variant) -> None:
        durable = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 0}
        self._producer = Producer({**variant.producer, **durable, "bootstrap.servers": settings.bootstrap})

    def say(self, records: Sequence[Record]) -> None:
        produce = self._producer.produce
        for topic, key, value in records:
            produce(topic, value, key)
        if left := self._producer.flush():
            raise RuntimeError(f"expected all records acknowledged, found {left} that are not")


class Service:
    """Hears in batches, stores rows and answers."""

    def __init__(self, role: str, settings: Settings) -> None:
        self._variant = variant = VARIANTS[settings.variant]
        self._database = Database(role, settings.databases[role], variant)
        self._speaker = Speaker(settings, variant)
        self._lanes = lanes(role, settings.prefix, variant.copy)
        self._places = [
            TopicPartition(topic, number, OFFSET_BEGINNING)
            for topic in self._lanes
            for number in range(settings.partitions)
        ]
        own = {"group.id": settings.prefix + role, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self._consumer = Consumer({**variant.consumer, **own, "bootstrap.servers": settings.bootstrap})
        self._consumer.assign(self._places)

    def turn(self) -> int:
        """Deals with one batch; returns its records."""
        found = self._consumer.consume(self._variant.batch, self._variant.patience)
        heard = [message for message in found if message.error() is None]  # what is an error passes by itself
        if not heard:
            return 0
        rows: dict[str, list[bytes]] = {}
        said: list[Record] = []
        moved: Counter[int] = Counter()
        for message in heard:
            key, value = cast(bytes, message.key()), cast(bytes, message.value())
            cart = int(key[-2:])
            lane = self._lanes[cast(str, message.topic())][cart]
            rows.setdefault(lane.table, []).append(lane.row % (key, key, value[_CUSTOMER], CARTS[cart]))
            said.append((lane.says, key, value))
            if lane.moves:
                moved[cart] += lane.moves
        ends = [place for place in self._consumer.position(self._places) if place.offset >= 0]
        offsets = json.dumps({f"{place.topic}/{place.partition}": place.offset for place in ends})
        self._database.store(rows, said, units(moved), offsets)
        self._speaker.say(said)
        self._database.acknowledge()
        self._consumer.commit(offsets=ends, asynchronous=True)
        return len(heard)


class Lane(NamedTuple):
    """A step made ready: its row's template, and its topic with the prefix."""

    table: str
    row: bytes
    says: str
    moves: int


def lanes(role: str, prefix: str, copy: bool) -> dict[str, list[Lane]]:
    """By the topic heard and an order's number modulo SKUS: what to do."""
    found: dict[str, list[Lane]] = {}
    for step in (step for step in STEPS if step.service == role):
        lane = Lane(step.table, template(step, copy), prefix + step.says, step.moves)
        taken = found.setdefault(prefix + step.hears, [lane] * SKUS)
        for number in range(SKUS):
            if KINDS[number % len(KINDS)] == step.kind:
                taken[number] = lane
    return found


def units(moved: Mapping[int, int]) -> Counter[str]:
    """Units by SKU, of carts and how often each was moved."""
    found: Counter[str] = Counter()
    for cart, times in moved.items():
        for sku, quantity, _ in LINES[cart]:
            found[sku] += quantity * times
    return found


def serve(role: str, settings: Settings) -> None:
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


def load(settings: Settings) -> None:
    """The order service's intake without HTTP."""
    variant = VARIANTS[settings.variant]
    database, speaker = Database("load", settings.databases["order"], variant), Speaker(settings, variant)
    row, topic = template(INTAKE, variant.copy), settings.prefix + INTAKE.says
    print("ready", flush=True)
    for line in sys.stdin:
        first, orders = map(int, line.split())
        for start, end in pairwise([*range(first, first + orders, variant.batch), first + orders]):
            said = [(topic, *event(number)) for number in range(start, end)]
            rows = [row % (key, key, value[_CUSTOMER], CARTS[int(key[-2:])]) for _, key, value in said]
            database.store({INTAKE.table: rows}, said, {}, "")
            speaker.say(said)
            database.acknowledge()


def main(role: str) -> None:
    gc.disable()
    settings = msgspec.json.decode(os.environ[VARIABLE], type=Settings)
    if role == "load":
        load(settings)
    else:
        serve(role, settings)


if __name__ == "__main__":
    main(sys.argv[1])
