"""What the topics hold, read past every service: without a group, straight from the broker."""

import time
import uuid
import warnings
from collections.abc import Collection, Iterator
from struct import unpack_from
from typing import Final, cast

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

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
        self._readers: dict[str, Consumer] = {}

    def reader(self, group: str = "") -> Consumer:
        """A consumer that joins nothing; with a group it can ask for that group's offsets."""
        quiet = {"log_level": 0, "error_cb": lambda _: None, "enable.auto.commit": False}
        named = {"group.id": group or f"reader-{uuid.uuid4()}"}
        return Consumer({"bootstrap.servers": self._bootstrap, **named, **quiet})

    def group(self, service: str) -> str:
        return f"{self.prefix}farandole.{service}"

    def committed(self, service: str, topics: Collection[str]) -> dict[Place, int]:
        """The offsets that a service's group has committed; raises KafkaException while the broker is away."""
        places = [self.at(place) for place in self.places if place[0] in topics]
        found = self._kept(self.group(service)).committed(places, REQUEST_SECONDS)
        return {self.place(at): at.offset for at in found if at.offset >= 0}

    def members(self, service: str) -> dict[str, frozenset[Place]]:
        """Who has which partitions, by client id; raises KafkaException while the broker is away.

        Not with the library's newer call, which may abort this process when a broker comes back while it waits."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            found = self.admin.list_groups(self.group(service), timeout=REQUEST_SECONDS)
        members = [member for group in found for member in group.members or ()]
        return {str(m.client_id): frozenset(self._assigned(cast(bytes, m.assignment))) for m in members}

    def _assigned(self, assignment: bytes) -> Iterator[Place]:
        """The partitions in an assignment of Kafka's consumer protocol: version, then topics with their numbers."""
        if not assignment:
            return
        (topics,), at = unpack_from(">i", assignment, 2), 6
        for _ in range(topics):
            (length,) = unpack_from(">h", assignment, at)
            topic = assignment[at + 2 : at + 2 + length].decode().removeprefix(self.prefix)
            (count,), at = unpack_from(">i", assignment, at + 2 + length), at + 6 + length
            yield from ((topic, number) for number in unpack_from(f">{count}i", assignment, at))
            at += 4 * count

    def _kept(self, group: str) -> Consumer:
        if group not in self._readers:
            self._readers[group] = self.reader(group)
        return self._readers[group]

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()

    def at(self, place: Place, offset: int | None = None) -> TopicPartition:
        name = self.prefix + place[0]
        return TopicPartition(name, place[1]) if offset is None else TopicPartition(name, place[1], offset)

    def place(self, at: TopicPartition) -> Place:
        return at.topic.removeprefix(self.prefix), at.partition

    def ends(self) -> dict[Place, int]:
        """Where every partition ends now; raises KafkaException while the broker is away.

        After that another reader asks: one was seen to call its partitions unknown for minutes after the broker was back."""
        reader = self._kept("")
        try:
            return {p: reader.get_watermark_offsets(self.at(p), REQUEST_SECONDS, cached=False)[1] for p in self.places}
        except KafkaException:
            self._readers.pop("").close()
            raise

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
