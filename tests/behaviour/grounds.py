"""Where a house stands: SQLite files and the embedded log, or PostgreSQL and Apache Kafka."""

import uuid
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
        wanted = {partition: end for partition, end in self.ends().items() if partition.topic == topic and end}
        found: list[Record] = []
        if not wanted:
            return found
        reader = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"reader-{uuid.uuid4()}", "enable.auto.commit": False}
        )
        reader.assign([TopicPartition(self.prefix + topic, partition.partition, 0) for partition in wanted])
        drive_until(lambda: len(found) >= sum(wanted.values()), lambda: found.extend(self._read(reader, topic)))
        reader.close()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def _read(self, reader: Consumer, topic: str) -> list[Record]:
        records = []
        for message in reader.consume(500, 0.05):
            assert message.error() is None, message.error()
            place = (topic, message.partition() or 0, message.offset() or 0)
            at = max(message.timestamp()[1], 0) * 1000
            records.append(Record(*place, message.key(), message.value(), headers_of(message), at))
        return records

    def recreate(self, topic: str) -> None:
        name = self.prefix + topic
        self._admin.delete_topics([name])[name].result(30)
        drive_until(lambda: name not in self._admin.list_topics(timeout=10).topics, lambda: None)
        self._kafka.ensure_topics([topic], PARTITIONS)
        drive_until(lambda: name in self._admin.list_topics(timeout=10).topics, lambda: None)

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(place.topic[len(self.prefix) :], place.partition)

    def close(self) -> None:
        self._kafka.close()
        for name, url in self._urls.items():
            self._databases.give_back(name, url)
