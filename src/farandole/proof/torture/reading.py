"""What the topics hold, read past every service: without a group, straight from the broker."""

import time
import uuid
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from farandole.messaging.envelope import Record
from farandole.runtime.wiring import TOPICS

SECONDS: Final = 60.0
REQUEST_SECONDS: Final = 10.0
Place = tuple[str, int]
"""A topic without its prefix, and a partition."""


class Topics:
    """The topics of one episode."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.prefix, self._bootstrap = prefix, bootstrap
        self.places: list[Place] = [(topic, number) for topic in TOPICS for number in range(partitions)]
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def reader(self) -> Consumer:
        """A consumer outside of every group."""
        quiet = {"log_level": 0, "error_cb": lambda _: None, "enable.auto.commit": False}
        return Consumer({"bootstrap.servers": self._bootstrap, "group.id": f"reader-{uuid.uuid4()}", **quiet})

    def at(self, place: Place, offset: int | None = None) -> TopicPartition:
        name = self.prefix + place[0]
        return TopicPartition(name, place[1]) if offset is None else TopicPartition(name, place[1], offset)

    def place(self, at: TopicPartition) -> Place:
        return at.topic.removeprefix(self.prefix), at.partition

    def ends(self) -> dict[Place, int]:
        """Where every partition ends now; raises KafkaException while the broker is away."""
        wanted = {self.at(place): OffsetSpec.latest() for place in self.places}  # type: ignore[no-untyped-call]
        found = self.admin.list_offsets(wanted, request_timeout=REQUEST_SECONDS)
        return {self.place(at): answer.result(REQUEST_SECONDS).offset for at, answer in found.items()}

    def everything(self) -> list[Record]:
        """Every record up to the ends found at the start."""
        ends = self.ends()
        left, records = sum(ends.values()), []
        consumer, deadline = self.reader(), time.monotonic() + SECONDS
        try:
            consumer.assign([self.at(place, 0) for place, end in ends.items() if end])
            while left > 0:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"expected every record within {SECONDS:.0f} s, {left} are missing")
                for record in self.some(consumer, 1000, 1.0):
                    if record.offset < ends[record.topic, record.partition]:
                        records.append(record)
                        left -= 1
        finally:
            consumer.close()
        return records

    def some(self, consumer: Consumer, limit: int, patience: float) -> Iterator[Record]:
        """What a reader finds next."""
        for message in consumer.consume(limit, patience):
            if message.error() is None:
                yield Record(
                    (message.topic() or "").removeprefix(self.prefix),
                    message.partition() or 0,
                    message.offset() or 0,
                    message.key(),
                    message.value(),
                    tuple(message.headers() or ()),  # type: ignore[arg-type]  # always pairs with bytes
                    message.timestamp()[1] * 1000,
                )
