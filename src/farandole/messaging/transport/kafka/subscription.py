"""Hearing from Kafka: the kernel chooses every offset, never the client library."""

import time
from collections.abc import Iterable, Mapping, Sequence
from operator import methodcaller
from typing import Final

import structlog

from farandole.messaging.envelope import Record
from farandole.messaging.failure import Halt, Transient
from farandole.messaging.transport import Opening, Partition, Revoked
from farandole.messaging.transport.kafka.driver import (
    REQUEST_SECONDS,
    AdminClient,
    Consumer,
    Delivered,
    IsolationLevel,
    KafkaError,
    KafkaException,
    OffsetSpec,
    TopicCollection,
    TopicPartition,
    away,
    kafka_error,
    sentence,
)

_HISTORY_GONE: Final = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION}
)
_LOGGED_ONLY: Final = frozenset({KafkaError._MAX_POLL_EXCEEDED, KafkaError._PARTITION_EOF})
_FENCED: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST,
    }
)

Headers = tuple[tuple[str, bytes | None], ...]
UNREADABLE: Final[Headers] = (("a name that is no UTF-8", None),)
"""Stands for headers that the client library cannot read, so that the record can be parked."""

_headers: Final = methodcaller("headers")
"""The library returns a broken list beside its error, which only a call made in C notices at once, and not much later."""

LATEST: Final = (2**63 - 1) // 1000
"""The last millisecond whose microseconds databases can keep."""

_log: Final = structlog.stdlib.get_logger(__name__)


class KafkaSubscription:
    """A member of a classic, cooperative group that reads nothing before the kernel has said where."""

    def __init__(self, consumer: Consumer, admin: AdminClient, prefix: str, revoked: Revoked) -> None:
        self._consumer = consumer
        self._admin = admin
        self._prefix = prefix
        self._revoked = revoked
        self._unopened: set[Partition] = set()
        self._begun: set[Partition] = set()
        self._paused = False

    def join(self, topics: Sequence[str]) -> None:
        """Join the group; partitions arrive while polling."""
        names = [self._prefix + topic for topic in topics]
        self._consumer.subscribe(names, on_assign=self._assign, on_revoke=self._unassign, on_lost=self._unassign)

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        # A batch consume with a timeout waits to fill the batch.
        with away("the group's coordinator"):
            found = self._consumer.consume(1, patience)
            if found and limit > 1:
                found += self._consumer.consume(limit - 1, gather)
        records = self._still_ours([self._record(message) for message in found if message.error() is None])
        troubles = [self._trouble(message, error) for message in found if (error := message.error())]
        # The consumer is already past the records, so they go first; a lasting trouble is reported again.
        if not records and (lasting := next(filter(None, troubles), None)):
            raise lasting
        return records

    def _still_ours(self, records: list[Record]) -> list[Record]:
        """A rebalance between two reads may take a partition away; its next owner hears the record."""
        if {(record.topic, record.partition) for record in records} <= self._begun:
            return records
        return [record for record in records if (record.topic, record.partition) in self._begun]

    def openings(self) -> list[Opening]:
        if not self._unopened:
            return []
        places = [self._place(partition) for partition in sorted(self._unopened)]
        with away("the group's coordinator"):
            committed = {(at.topic, at.partition): at for at in self._consumer.committed(places, REQUEST_SECONDS)}
            ids = self._topic_ids({place.topic for place in places})
            begins = self._log_offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
            ends = self._log_offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        openings = []
        for place in places:
            spot = (place.topic, place.partition)
            if (error := committed[spot].error) is not None:
                raise Transient(sentence(error, place.topic))
            offset = committed[spot].offset
            openings.append(
                Opening(
                    self._partition(place), ids[place.topic], offset if offset >= 0 else None, begins[spot], ends[spot]
                )
            )
        return openings

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        begun = {partition: offset for partition, offset in offsets.items() if partition in self._unopened}
        if not begun:
            return
        places = [self._place(partition, offset) for partition, offset in begun.items()]
        with away("the group's coordinator"):
            self._consumer.incremental_assign(places)
        self._unopened -= begun.keys()
        self._begun |= begun.keys()
        # The library still holds a partition paused that was paused when it was taken away.
        (self._consumer.pause if self._paused else self._consumer.resume)([self._place(place) for place in begun])

    def pause(self) -> None:
        self._paused = True
        self._consumer.pause([self._place(partition) for partition in self._begun])

    def resume(self) -> None:
        self._paused = False
        self._consumer.resume([self._place(partition) for partition in self._begun])

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        if not offsets:
            return
        places = [self._place(partition, offset) for partition, offset in offsets.items()]
        try:
            if wait:
                self._consumer.commit(offsets=places, asynchronous=False)
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            heed_commit(kafka_error(error), places)

    def close(self) -> None:
        try:
            self._leave()
        finally:
            self._consumer.close()

    def _leave(self) -> None:
        """Give every partition back before closing: a client that has begun to close may drop the answer to giving back."""
        self._consumer.unsubscribe()
        last = time.monotonic() + REQUEST_SECONDS
        while (self._consumer.poll(0.05) or self._begun or self._unopened) and time.monotonic() < last:
            pass

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign([])  # or the library would begin by itself
        self._unopened |= {self._partition(place) for place in places}

    def _unassign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        taken = frozenset(self._partition(place) for place in places)
        try:
            self._revoked(taken)
        finally:
            consumer.incremental_unassign([self._place(partition) for partition in taken & self._begun])
            self._begun -= taken
            self._unopened -= taken

    def _trouble(self, message: Delivered, error: KafkaError) -> Transient | None:
        _log.warning("kafka.consumer", error=error.str(), topic=message.topic(), partition=message.partition())
        if error.code() in _HISTORY_GONE:
            raise Halt(
                f"expected offset {message.offset()} of {message.topic()} [{message.partition()}] in its log, found"
                f" {error.str()}: the topic was shortened or replaced; compare it with the database before going on"
            )
        if error.fatal():
            raise Halt(f"expected a working consumer, found {error.str()}: start this process again")
        if error.code() in _LOGGED_ONLY:
            return None
        return Transient(sentence(error, message.topic() or ""))

    def _record(self, message: Delivered) -> Record:
        return Record(
            (message.topic() or "")[len(self._prefix) :],
            _known(message.partition()),
            _known(message.offset()),
            message.key(),
            message.value(),
            headers_of(message),
            min(max(message.timestamp()[1], 0), LATEST) * 1000,  # who writes a record may claim any time for it
        )

    def _topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        answers = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=REQUEST_SECONDS)
        return {topic: str(answer.result(REQUEST_SECONDS).topic_id) for topic, answer in answers.items()}

    def _log_offsets(self, places: Iterable[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        answers = self._admin.list_offsets(
            dict.fromkeys(places, spec),
            request_timeout=REQUEST_SECONDS,
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
        )
        return {(at.topic, at.partition): answer.result(REQUEST_SECONDS).offset for at, answer in answers.items()}

    def _place(self, partition: Partition, offset: int | None = None) -> TopicPartition:
        name = self._prefix + partition.topic
        return (
            TopicPartition(name, partition.partition)
            if offset is None
            else TopicPartition(name, partition.partition, offset)
        )

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(place.topic[len(self._prefix) :], place.partition)


def headers_of(message: Delivered) -> Headers:
    """A record's headers; where a name is no UTF-8 the client library fails on all of them."""
    try:
        return tuple(_headers(message) or ())
    except (SystemError, UnicodeDecodeError):
        return UNREADABLE


def heed_commit(error: KafkaError | None, places: list[TopicPartition]) -> None:
    if error is not None and error.code() not in _FENCED:
        _log.warning("kafka.commit", error=error.str(), partitions=len(places))


def _known(number: int | None) -> int:
    assert number is not None, "a record has a partition and an offset"
    return number
