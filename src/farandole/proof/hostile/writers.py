"""Writing hostile records past every client of the house, and finding where in the log they are."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from farandole.messaging.envelope import Message, Record
from farandole.messaging.transport import Partition
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.proof.ground.waiting import drive_until
from farandole.proof.hostile.record import Hostile
from farandole.proof.hostile.wire import produce

Place = tuple[str, int, int]
"""Topic, partition and offset."""


class Writer(Protocol):
    """Writes hostile records durably; `ends` is where the log ends, or later, behind the last of them."""

    def write(self, records: Sequence[Hostile]) -> None: ...

    def ends(self) -> dict[Partition, int]: ...

    def places(self, log: Iterable[Record]) -> dict[Place, Hostile]: ...


class LogWriter:
    """Into the embedded log, from inside its process: nobody else has it open."""

    def __init__(self, transport: EmbeddedTransport) -> None:
        self._transport = transport
        self._publisher = transport.publisher("stranger")
        self._written: list[Hostile] = []

    def write(self, records: Sequence[Hostile]) -> None:
        receipt = self._publisher.publish([_message(record) for record in records])
        drive_until(lambda: receipt.done, partial(self._publisher.poll, 0.1))
        self._written += records

    def ends(self) -> dict[Partition, int]:
        return {Partition(topic, 0): end for topic, end in self._transport.ends.items()}

    def places(self, log: Iterable[Record]) -> dict[Place, Hostile]:
        """A topic has them in the order in which they were written."""
        due: dict[str, deque[Hostile]] = defaultdict(deque)
        for written in self._written:
            due[written.topic].append(written)
        found = {}
        for record in log:
            following = due[record.topic]
            if following and _parts(following[0]) == (record.key, record.value, record.headers):
                found[record.topic, record.partition, record.offset] = following.popleft()
        return found


class KafkaWriter:
    """Into Kafka, with a producer that checks nothing."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap, self._prefix = bootstrap, prefix
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "message.max.bytes": 1_048_000,
            }
        )
        self._places: dict[Place, Hostile] = {}
        self._ends: dict[Partition, int] = {}

    def write(self, records: Sequence[Hostile]) -> None:
        for record in records:
            if record.at is not None or not _sendable(record):
                self._place(record, self._produce_raw(record))
                continue
            self._producer.produce(
                self._prefix + record.topic,
                record.value,
                record.key,
                headers=list(record.headers),
                on_delivery=partial(self._reported, record),
            )
            self._producer.poll(0)
        left = self._producer.flush(60)
        assert left == 0, f"expected every record to be written within 60 s, found {left} waiting"

    def _reported(self, record: Hostile, error: KafkaError | None, message: Delivered) -> None:
        assert error is None, f"expected Kafka to take a record of kind {record.kind!r}, found {error}"
        self._place(record, (message.partition() or 0, message.offset() or 0))

    def _produce_raw(self, record: Hostile) -> tuple[int, int]:
        headers = [(name.encode(errors="surrogateescape"), content) for name, content in record.headers]
        place = (self._prefix + record.topic, 0)
        return 0, produce(self._bootstrap, place, (record.key, record.value), headers, record.at)

    def _place(self, record: Hostile, at: tuple[int, int]) -> None:
        partition, offset = at
        self._places[record.topic, partition, offset] = record
        spot = Partition(record.topic, partition)
        self._ends[spot] = max(offset + 1, self._ends.get(spot, 0))

    def ends(self) -> dict[Partition, int]:
        return dict(self._ends)

    def places(self, log: Iterable[Record]) -> dict[Place, Hostile]:
        return dict(self._places)


def _sendable(record: Hostile) -> bool:
    """Whether a client library sends it: it fails on a header's name that is no text."""
    try:
        "".join(name for name, _ in record.headers).encode()
    except UnicodeEncodeError:
        return False
    return True


def _message(record: Hostile) -> Message:
    key, value, headers = _parts(record)
    assert key is not None
    assert value is not None
    return Message(record.topic, key.decode(), value, tuple((name, content or b"") for name, content in headers))


def _parts(record: Hostile) -> tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]:
    return record.key, record.value, record.headers
