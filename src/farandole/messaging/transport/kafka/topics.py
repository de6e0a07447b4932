"""Topics as the guarantees need them: no compaction, no unclean election, three copies where brokers allow it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from farandole.messaging.transport.kafka.driver import (
    REQUEST_SECONDS,
    AdminClient,
    ConfigResource,
    KafkaError,
    KafkaException,
    NewTopic,
    ResourceType,
    TopicCollection,
    kafka_error,
)

_TOPIC: Final = {"cleanup.policy": "delete", "unclean.leader.election.enable": "false"}


class Topics:
    """Topics as the guarantees need them: three copies where there are three brokers, nothing thrown away early."""

    def __init__(self, admin: AdminClient, brokers: int, partitions: int) -> None:
        self._admin = admin
        self._brokers = brokers
        self._partitions = partitions
        self._replication, self._in_sync = (3, 2) if brokers >= 3 else (1, 1)

    def ensure(self, topics: Sequence[str], known: frozenset[str]) -> list[str]:
        missing = [topic for topic in topics if topic not in known]
        present = [topic for topic in topics if topic in known]
        lines = [*self._create(missing), *self._check(present)]
        if self._brokers < 3:
            lines.append(f"replication is 1, not 3, because the cluster has {self._brokers} broker(s)")
        return lines

    def _create(self, topics: Sequence[str]) -> Iterator[str]:
        if not topics:
            return
        config = {**_TOPIC, "min.insync.replicas": str(self._in_sync)}
        wanted = [
            NewTopic(topic, num_partitions=self._partitions, replication_factor=self._replication, config=config)
            for topic in topics
        ]
        for topic, answer in self._admin.create_topics(wanted, request_timeout=REQUEST_SECONDS).items():
            try:
                answer.result(REQUEST_SECONDS)
            except KafkaException as error:
                if kafka_error(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
            yield f"{topic}: created with {self._partitions} partitions, replication {self._replication}"

    def _check(self, topics: Sequence[str]) -> Iterator[str]:
        if not topics:
            return
        answers = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=REQUEST_SECONDS)
        resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        configs = {
            resource.name: answer.result(REQUEST_SECONDS)
            for resource, answer in self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS).items()
        }
        for topic, answer in answers.items():
            partitions = answer.result(REQUEST_SECONDS).partitions
            config = {name: entry.value for name, entry in configs[topic].items()}
            findings = list(self._findings(partitions, config))
            yield (
                f"{topic}: {'; '.join(findings)}" if findings else f"{topic}: {self._partitions} partitions, as wanted"
            )

    def _findings(self, partitions: Sequence[Any], config: Mapping[str, str]) -> Iterator[str]:
        if len(partitions) != self._partitions:
            yield (
                f"expected {self._partitions} partitions, found {len(partitions)}"
                " (changing it moves keys: drain the topic first)"
            )
        copies = min(len(partition.replicas) for partition in partitions)
        if copies < self._replication:
            yield f"expected replication {self._replication}, found {copies}"
        if int(config["min.insync.replicas"]) < self._in_sync:
            yield f"expected min.insync.replicas {self._in_sync}, found {config['min.insync.replicas']}"
        for name, value in _TOPIC.items():
            if config[name] != value:
                yield f"expected {name}={value}, found {config[name]}"
