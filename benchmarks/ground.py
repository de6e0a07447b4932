"""The servers every contestant shares: one Kafka broker and one PostgreSQL, fresh, durable, on free ports."""

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psycopg import sql

from farandole.proof.ground import KafkaServer, PostgresServer
from farandole.proof.ground.postgres import libpq_url

POSTGRES: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "wal_compression": "lz4",
    "autovacuum_naptime": "10s",
}
"""What a production manual recommends for a machine of this size; nothing here gives up durability."""
SHOWN: Final = [*POSTGRES, "server_version", "wal_sync_method"]
KAFKA: Final = {"log.retention.hours": "168", "num.io.threads": "2", "num.network.threads": "1"}


class Servers:
    """A context in which Kafka and PostgreSQL run; contestants get databases and topic prefixes of their own."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count(1)
        self.kafka = KafkaServer(KAFKA, fast_start=False)
        self.postgres = PostgresServer(POSTGRES)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.kafka)
        self._stack.enter_context(self.postgres)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap

    def database(self, name: str) -> str:
        """The libpq URL of a new, empty database."""
        unique = f"{name}_{next(self._numbers)}"
        self.postgres.create_database(unique)
        return libpq_url(self.postgres.url(unique))

    def topic_prefix(self) -> str:
        return f"bench{next(self._numbers)}."

    def create_topics(self, names: Iterable[str], partitions: int) -> None:
        """Topics that are known when this returns."""
        admin = self._admin()  # what it was asked ends with it
        for created in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
            created.result(30)

    def written(self) -> int:
        """Bytes of write-ahead log since the server was made."""
        return int(self._ask("SELECT pg_current_wal_lsn() - '0/0'")[0][0])

    def tidy(self) -> None:
        """Nothing a contestant left is still vacuumed, checkpointed or compacted in the next one's turn."""
        for (name,) in self._ask("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"):
            self._ask(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        self._ask("CHECKPOINT")
        admin = self._admin()
        topics = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith("bench")]
        for deleted in admin.delete_topics(topics).values() if topics else ():
            deleted.result(30)

    def settings(self) -> dict[str, str]:
        """What PostgreSQL says of itself, not what it was told."""
        return dict(
            self._ask(sql.SQL("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY({})").format(SHOWN))
        )

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap})

    def _ask(self, statement: str | sql.Composed) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(self.postgres.address), autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def processes(self) -> dict[str, list[int]]:
        return {"kafka": [self.kafka.pid], "postgres": [self.postgres.pid]}
