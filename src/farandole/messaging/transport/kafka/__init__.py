"""Apache Kafka as a transport: nothing is done before it is durable, no offset is chosen by the client library."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from farandole.messaging.failure import Transient
from farandole.messaging.transport import Revoked
from farandole.messaging.transport.kafka.driver import (
    REQUEST_SECONDS,
    AdminClient,
    Complaints,
    Consumer,
    Producer,
    away,
    missing,
)
from farandole.messaging.transport.kafka.inspection import KafkaInspection
from farandole.messaging.transport.kafka.publisher import KafkaPublisher
from farandole.messaging.transport.kafka.subscription import KafkaSubscription, heed_commit
from farandole.messaging.transport.kafka.topics import Topics

__all__ = ["KafkaTransport"]

_COMMON: Final = {"log_level": 2}
_PRODUCER: Final = {"linger.ms": 5}
_PRODUCER_FIXED: Final = {
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "acks": "all",
    "message.timeout.ms": 0,
    "partitioner": "murmur2_random",
}
_CONSUMER: Final = {
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1500,
    "queued.max.messages.kbytes": 2048,
}
_CONSUMER_FIXED: Final = {
    "group.protocol": "classic",
    "partition.assignment.strategy": "cooperative-sticky",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": False,
}

VISIBLE_SECONDS: Final = 30.0
"""The longest wait for a created topic to be known."""


class KafkaTransport:
    """Only the broker sees `prefix` on topics and groups; `options` are librdkafka's and cannot weaken a guarantee."""

    def __init__(self, bootstrap: str, *, prefix: str = "", options: Mapping[str, str] | None = None) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._options = dict(options or {})

    def publisher(self, name: str) -> "KafkaPublisher":
        settings = self._settings(_PRODUCER, {**_PRODUCER_FIXED, "client.id": name})
        return KafkaPublisher(lambda: Producer(settings), self._prefix)

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> "KafkaSubscription":
        admin = self._admin()
        with away(self._bootstrap):
            known = admin.list_topics(timeout=REQUEST_SECONDS).topics
        for topic in topics:
            if self._prefix + topic not in known:
                raise Transient(missing(self._prefix + topic))
        settings = self._settings(_CONSUMER, {**_CONSUMER_FIXED, "group.id": self._prefix + group})
        subscription = KafkaSubscription(Consumer({**settings, "on_commit": heed_commit}), admin, self._prefix, revoked)
        subscription.join(topics)
        return subscription

    def ready(self, timeout: float) -> None:
        """Raise Transient unless a broker answers within `timeout` seconds."""
        with away(self._bootstrap):
            self._admin().list_topics(timeout=timeout)

    def ensure_topics(self, topics: Sequence[str], partitions: int) -> list[str]:
        """Create what is missing and compare the rest with what the guarantees need; one line for people each."""
        admin, names = self._admin(), [self._prefix + topic for topic in topics]
        with away(self._bootstrap):
            found = admin.list_topics(timeout=REQUEST_SECONDS)
            lines = Topics(admin, len(found.brokers), partitions).ensure(names, frozenset(found.topics))
            _await_topics(admin, frozenset(names))
        return lines

    def inspection(self) -> "KafkaInspection":
        return KafkaInspection(self._admin, self._bootstrap, self._prefix)

    def close(self) -> None:
        """Do nothing: publishers and subscriptions are closed by their owners."""

    def _admin(self) -> AdminClient:
        return AdminClient(self._settings({}, {}))

    def _settings(self, tunable: Mapping[str, object], fixed: Mapping[str, object]) -> dict[str, Any]:
        address = {"bootstrap.servers": self._bootstrap, "error_cb": Complaints()}
        return {**_COMMON, **tunable, **self._options, **fixed, **address}


def _await_topics(admin: AdminClient, names: frozenset[str]) -> None:
    """A created topic is known to every broker only a moment later; whoever subscribes next finds it."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not names <= admin.list_topics(timeout=REQUEST_SECONDS).topics.keys():
        if time.monotonic() > deadline:
            raise TimeoutError("created topics are not visible yet")
        admin.poll(0.05)
