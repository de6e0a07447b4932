"""Poison and duplicates, written into the topics all the time, made of records that are really there.

Poison carries a header that says so to us, and nothing that a service could understand. A duplicate is a copy of a record
that is there, byte for byte, some from long ago.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from confluent_kafka import Consumer, KafkaException, Message, Producer

from farandole.messaging.envelope import LARGEST_VALUE, Record
from farandole.proof.torture.reading import Topics
from farandole.proof.torture.wishes import UNLUCKY
from farandole.runtime.wiring import STEPS_TOPIC

MARK: Final = ("torture", b"poison")
EVERY_SECONDS: Final = 0.05
SAMPLE: Final = 40
COPIES: Final = 16
POISONS: Final = 10
FLUSH_SECONDS: Final = 60.0
_GARBLED: Final = ("ce_id", "ce_time", "ce_source", "ce_subject", "ce_type", "ce_specversion")


Headers = tuple[tuple[str, bytes | None], ...]


class Said(NamedTuple):
    """What goes into a topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


Spoil = Callable[[Record, random.Random], Said]


def _with(record: Record, value: bytes | None) -> Said:
    return Said(record.key, value, record.headers)


def _wrong_types(record: Record, rng: random.Random) -> Said:
    content = json.loads(record.value or b"{}")
    content[rng.choice(sorted(content))] = rng.choice((None, 7, [], {"a": {}}, True))
    return _with(record, json.dumps(content).encode())


def _foreign_key(record: Record, rng: random.Random) -> Said:
    return Said(_id(rng), record.value, record.headers)


def _another_cause(record: Record, rng: random.Random) -> Said:
    """The same order under the id of an event that was never said."""
    return Said(record.key, record.value, _changed(record, "ce_id", _id(rng)))


def _garbled(record: Record, rng: random.Random) -> Said:
    return Said(record.key, record.value, _changed(record, rng.choice(_GARBLED), b"\xff\xfe"))


def _id(rng: random.Random) -> bytes:
    return str(UUID(int=rng.getrandbits(128), version=4)).encode()


def _changed(record: Record, name: str, value: bytes) -> Headers:
    return tuple((known, value if known == name else content) for known, content in record.headers)


SPOILERS: Final[Mapping[str, Spoil]] = {
    "undecodable": lambda record, rng: _with(record, rng.randbytes(40) + b"\xff"),
    "cut short": lambda record, rng: _with(record, (record.value or b"")[: -rng.randint(1, 20)]),
    "wrong types": _wrong_types,
    "not an object": lambda record, rng: _with(record, rng.choice((b"null", b"[]", b"7", b'""', b""))),
    "nested": lambda record, rng: _with(record, b'{"order_id":' * 9_000),
    "huge": lambda record, rng: _with(record, b'"%b"' % (b"x" * (LARGEST_VALUE + rng.randint(1, 9_999)))),
    "tombstone": lambda record, rng: _with(record, None),
    "foreign key": _foreign_key,
    "no key": lambda record, rng: Said(None, record.value, record.headers),
    "no headers": lambda record, rng: Said(record.key, record.value, ()),
    "garbled header": _garbled,
    "another cause": _another_cause,
}


def is_poison(record: Record) -> bool:
    return MARK in record.headers


class Injector:
    """Writes until it is stopped; what it wrote is acknowledged then."""

    def __init__(self, bootstrap: str, topics: Topics, rng: random.Random) -> None:
        self.poison: Counter[str] = Counter()
        self.copied: set[tuple[str, int, int]] = set()
        """Where the duplicates are."""
        self.lost: list[str] = []
        self._topics, self._rng = topics, rng
        self._stop = threading.Event()
        safe = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": 0, "partitioner": "murmur2_random"}
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "linger.ms": 5, **safe})
        self._thread = threading.Thread(target=self._run, name="injector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(FLUSH_SECONDS)
        if left := self._producer.flush(FLUSH_SECONDS):
            self.lost.append(f"{left} records of the injector are not acknowledged")

    def abandon(self) -> None:
        """Stop without looking at what became of it."""
        self._stop.set()

    def _run(self) -> None:
        reader = self._topics.reader()
        while not self._stop.wait(EVERY_SECONDS):
            with suppress(KafkaException):
                self._inject(self._sample(reader))
            self._producer.poll(0)
        reader.close()

    def _sample(self, reader: Consumer) -> list[Record]:
        """Some honest records from anywhere in a topic."""
        place = self._rng.choice([place for place in self._topics.places if place[0] != STEPS_TOPIC])
        low, high = reader.get_watermark_offsets(self._topics.at(place), 1.0, cached=False)
        if high <= low:
            return []
        reader.assign([self._topics.at(place, self._rng.randrange(low, high))])
        found = self._topics.some(reader, SAMPLE, 0.3)
        return [record for record in found if not is_poison(record)]

    def _inject(self, records: list[Record]) -> None:
        for record in records[:COPIES]:
            self._send(record.topic, Said(record.key, record.value, record.headers), self._copied)
        for record in records[-POISONS:]:
            kinds = [
                kind for kind in SPOILERS if kind != "another cause" or UNLUCKY.encode() not in (record.value or b"")
            ]
            kind = self._rng.choice(kinds)
            said = SPOILERS[kind](record, self._rng)
            self._send(record.topic, said._replace(headers=(*said.headers, MARK)), partial(self._poisoned, kind))

    def _send(self, topic: str, said: Said, delivered: Callable[[str, int, int], None]) -> None:
        def reported(error: object, message: Message) -> None:
            if error is not None:
                self.lost.append(f"the injector's record for {topic} was refused: {error}")
            else:
                delivered(topic, message.partition() or 0, message.offset() or 0)

        name = self._topics.prefix + topic
        headers: list[tuple[str, str | bytes | None]] = list(said.headers)
        self._producer.produce(name, said.value, said.key, headers=headers, on_delivery=reported)

    def _copied(self, topic: str, partition: int, offset: int) -> None:
        self.copied.add((topic, partition, offset))

    def _poisoned(self, kind: str, topic: str, partition: int, offset: int) -> None:
        self.poison[kind] += 1
