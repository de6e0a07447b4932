"""The servers of a whole run: one Kafka and one PostgreSQL, each reached directly and through a proxy."""

from contextlib import ExitStack, closing
from typing import Self

from farandole.proof.ground import KafkaServer, PostgresServer
from farandole.proof.ground.cluster import SAGA
from farandole.proof.ground.kafka import SHORT_SESSION
from farandole.proof.torture.disk import CannotMount, SmallDisk
from farandole.proof.torture.loops import Loop
from farandole.proof.torture.proxy import Proxy, produces
from farandole.runtime.migrations import migrate

WAL = {"max_wal_size": "256MB"}


class Ground:
    """Started while it is entered. `disk` is None where none can be mounted, `no_disk` says why."""

    kafka: KafkaServer
    postgres: PostgresServer
    kafka_proxy: Proxy
    postgres_proxy: Proxy

    def __init__(self, *, small_disk: bool = True) -> None:
        self.disk: SmallDisk | None = None
        self.no_disk = "" if small_disk else "not wanted"
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _start(self) -> None:
        self.loop = self._open.enter_context(Loop("torture"))
        self.kafka_proxy = self._open.enter_context(closing(Proxy(self.loop, produces)))
        self.postgres_proxy = self._open.enter_context(closing(Proxy(self.loop)))
        if not self.no_disk:
            try:
                self.disk = self._open.enter_context(SmallDisk())
            except CannotMount as error:
                self.no_disk = str(error)
        room = self.disk.folder if self.disk else None
        self.postgres = self._open.enter_context(PostgresServer(WAL, room=room))
        self.kafka = self._open.enter_context(KafkaServer(SHORT_SESSION, proxy=self.kafka_proxy.port))
        self.postgres_proxy.start(self.postgres.port)
        self.kafka_proxy.start(self.kafka.behind_proxy)
        for service in SAGA:
            migrate(service, self.postgres.create_database(_template(service)))

    def databases(self, episode: int) -> dict[str, str]:
        """A fresh database for each service, with its tables."""
        names = {service: f"{service}_{episode}" for service in SAGA}
        return {s: self.postgres.create_database(name, _template(s)) for s, name in names.items()}


def _template(service: str) -> str:
    return f"template_{service}"
