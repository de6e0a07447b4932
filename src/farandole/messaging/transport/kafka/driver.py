"""The only file that imports the client library: its names, and its errors in our words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka import Message as Delivered
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from farandole.messaging.failure import Transient

__all__ = [
    "REQUEST_SECONDS",
    "AdminClient",
    "Complaints",
    "ConfigResource",
    "Consumer",
    "ConsumerGroupTopicPartitions",
    "Delivered",
    "IsolationLevel",
    "KafkaError",
    "KafkaException",
    "NewTopic",
    "OffsetSpec",
    "Producer",
    "ResourceType",
    "TopicCollection",
    "TopicPartition",
    "away",
    "kafka_error",
    "missing",
    "sentence",
]

REQUEST_SECONDS: Final = 5.0
LOG_SECONDS: Final = 10.0
"""The least time between two log lines about the same error."""

NO_TOPIC: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)

_log: Final = structlog.stdlib.get_logger(__name__)


class Complaints:
    """Logs what a client complains about, each kind of error at most every few seconds."""

    def __init__(self) -> None:
        self._said: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._said.get(error.code(), -LOG_SECONDS) >= LOG_SECONDS:
            self._said[error.code()] = now
            _log.warning("kafka.client", error=error.str())


@contextmanager
def away(whom: str) -> Iterator[None]:
    try:
        yield
    except (KafkaException, TimeoutError) as error:
        raise Transient(f"expected an answer from Kafka ({whom}), found {kafka_error(error).str()}") from error


def kafka_error(error: BaseException) -> KafkaError:
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(error) or type(error).__name__)


def sentence(error: KafkaError | BaseException, topic: str) -> str:
    known = error if isinstance(error, KafkaError) else kafka_error(error)
    if known.code() in NO_TOPIC:
        return missing(topic)
    return f"expected Kafka to serve {topic}, found {known.str()}"


def missing(topic: str) -> str:
    return f"expected the topic {topic}, found none: `farandole topics` creates it"
