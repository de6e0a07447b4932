"""Where a house stands: SQLite files and the embedded log, or PostgreSQL and Apache Kafka."""

import uuid
from collections import defaultdict
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # as its manual has it

from farandole.messaging.database import Database, open_database
from farandole.messaging.envelope import Record
from farandole.messaging.transport import Partition, Transport
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.messaging.transport.kafka.subscription import headers_of
from farandole.proof.ground.waiting import drive_until
from farandole.runtime.wiring import STORAGES, TOPICS
from tests.support.databases import PostgresDatabases

PARTITIONS = 2


class Ground(Protocol):
    """A transport, and an empty database for each service."""

    transport: Transport
    patience: float

    def database(self, name: str) -> Database:
        """A service's database; its tables are there, its rows outlive whoever opened it."""

    def ends(self) -> dict[Partition, int]:
        """The end of each partition's log."""

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic."""

    def recreate(self, topic: str) -> None:
        """Delete a topic and create it anew."""

    def close(self) -> None: ...


class EmbeddedGround:
    """One partition a topic."""

    patience = 0.001

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log = EmbeddedTransport(folder / "log.db")
        self.log.create_topics(TOPICS)
        self.transport: Transport = self.log

    def database(self, name: str) -> Database:
        database = open_database(f"sqlite:///{self._folder / name}.db")
        STORAGES[name].METADATA.create_all(database.engine)
        return database

    def ends(self) -> dict[Partition, int]:
        return {Partition(topic, 0): self.log.ends[topic] for topic in TOPICS}

    def records(self, topic: str) -> list[Record]:
        reader = self.log.subscribe(f"reader-{uuid.uuid4()}", [topic], lambda taken: None)
        reader.begin({Partition(topic, 0): 0})
        found: list[Record] = []
        while more := reader.poll(1000, 0):
            found += more
        reader.close()
        return found

    def recreate(self, topic: str) -> None:
        with self.log.database.writing() as transaction:
            for table in ("topics", "records"):
                transaction.connection.exec_driver_sql(f"DELETE FROM {table} WHERE topic = ?", (topic,))
        del self.log.topic_ids[topic], self.log.ends[topic]
        self.log.create_topics([topic])

    def close(self) -> None:
        self.log.close()


class DistributedGround:
    """Two partitions a topic, one PostgreSQL database a service."""

    patience = 0.005

    def __init__(self, bootstrap: str, prefix: str, databases: PostgresDatabases) -> None:
        self.bootstrap, self.prefix, self._databases = bootstrap, prefix, databases
        self._urls: dict[str, str] = {}
        self._reader: Consumer | None = None
        self._read: dict[Partition, list[Record]] = defaultdict(list)
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._kafka = KafkaTransport(bootstrap, prefix=prefix)
        self._kafka.ensure_topics(TOPICS, PARTITIONS)
        self.transport: Transport = self._kafka

    def database(self, name: str) -> Database:
        if name not in self._urls:
            self._urls[name] = self._databases.lend(name)
        return open_database(self._urls[name])

    def ends(self) -> dict[Partition, int]:
        places = [TopicPartition(self.prefix + topic, number) for topic in TOPICS for number in range(PARTITIONS)]
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        answers = self._admin.list_offsets(dict.fromkeys(places, latest))
        return {self._partition(at): answer.result(30).offset for at, answer in answers.items()}

    def records(self, topic: str) -> list[Record]:
        wanted = {at: end for at, end in self.ends().items() if at.topic == topic and end}
        drive_until(lambda: all(len(self._read[at]) >= end for at, end in wanted.items()), self._read_on)
        return [record for at in sorted(wanted) for record in self._read[at]]

    def _read_on(self) -> None:
        if self._reader is None:
            self._reader = Consumer(
                {"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.auto.commit": False}
            )
            self._reader.assign([TopicPartition(self.prefix + at.topic, at.partition, 0) for at in self.ends()])
        for message in self._reader.consume(500, 0.02):
            assert message.error() is None, message.error()
            name, number, offset = message.topic(), message.partition(), message.offset()
            assert name is not None
            assert number is not None
            assert offset is not None
            at = Partition(name.removeprefix(self.prefix), number)
            written = max(message.timestamp()[1], 0) * 1000
            here = Record(*at, offset, message.key(), message.value(), headers_of(message), written)
            self._read[at].append(here)

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None
        self._read.clear()

    def recreate(self, topic: str) -> None:
        self._forget_reader()
        name = self.prefix + topic
        self._admin.delete_topics([name])[name].result(30)
        drive_until(lambda: name not in self._admin.list_topics(timeout=10).topics, lambda: None)
        self._kafka.ensure_topics([topic], PARTITIONS)
        drive_until(lambda: name in self._admin.list_topics(timeout=10).topics, lambda: None)

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(place.topic[len(self.prefix) :], place.partition)

    def close(self) -> None:
        self._forget_reader()
        self._kafka.close()
        for name, url in self._urls.items():
            self._databases.give_back(name, url)
