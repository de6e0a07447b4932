"""Groups and logs as Kafka's administration tells them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from farandole.messaging.failure import Transient
from farandole.messaging.transport import Partition
from farandole.messaging.transport.inspection import Group, Sight
from farandole.messaging.transport.kafka.driver import (
    AdminClient,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    OffsetSpec,
    TopicPartition,
    away,
    kafka_error,
)

SECONDS: Final = 2.0
_NO_GROUP: Final = frozenset({KafkaError.GROUP_ID_NOT_FOUND})


class KafkaInspection:
    """Asks with one client until it has no answer: a new one finds a broker that is back at once.
    `prefix` is before every topic and group."""

    def __init__(self, connect: Callable[[], AdminClient], bootstrap: str, prefix: str) -> None:
        self._connect, self._bootstrap, self._prefix = connect, bootstrap, prefix
        self._admin = connect()
        self._partitions: dict[str, int] = {}

    def look(self, groups: Sequence[str], topics: Sequence[str]) -> Sight:
        try:
            with away(self._bootstrap):
                return self._look(groups, topics)
        except Transient:
            self._admin = self._connect()
            raise

    def _look(self, groups: Sequence[str], topics: Sequence[str]) -> Sight:
        known = self._admin.list_topics(timeout=SECONDS).topics
        names = [self._prefix + topic for topic in topics]
        self._partitions = {name: len(known[name].partitions) for name in names if name in known}
        found = {group: Group(self._members(group), self._committed(group)) for group in groups}
        return Sight(found, self._offsets(OffsetSpec.earliest()), self._offsets(OffsetSpec.latest()))  # type: ignore[no-untyped-call]

    def partition(self, topic: str, key: str) -> Partition:
        count = self._partitions.get(self._prefix + topic, 1)
        return Partition(topic, (murmur2(key.encode()) & 0x7FFFFFFF) % count)

    def _members(self, group: str) -> int:
        answers = self._admin.describe_consumer_groups([self._prefix + group], request_timeout=SECONDS)
        try:
            return len(answers[self._prefix + group].result(SECONDS).members)
        except KafkaException as error:
            if kafka_error(error).code() in _NO_GROUP:
                return 0
            raise

    def _committed(self, group: str) -> Mapping[Partition, int]:
        asked = ConsumerGroupTopicPartitions(self._prefix + group)
        answers = self._admin.list_consumer_group_offsets([asked], request_timeout=SECONDS)
        try:
            found = answers[self._prefix + group].result(SECONDS).topic_partitions or ()
        except KafkaException as error:
            if kafka_error(error).code() in _NO_GROUP:
                return {}
            raise
        return {self._place(at): at.offset for at in found if at.offset >= 0}

    def _offsets(self, spec: OffsetSpec) -> dict[Partition, int]:
        places = (TopicPartition(name, number) for name, count in self._partitions.items() for number in range(count))
        answers = self._admin.list_offsets(
            dict.fromkeys(places, spec), request_timeout=SECONDS, isolation_level=IsolationLevel.READ_UNCOMMITTED
        )
        return {self._place(at): answer.result(SECONDS).offset for at, answer in answers.items()}

    def _place(self, at: TopicPartition) -> Partition:
        return Partition(at.topic[len(self._prefix) :], at.partition)


def murmur2(data: bytes) -> int:
    """The hash by which Kafka's own clients, and the setting `murmur2_random`, choose a key's partition."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) - len(data) % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
