"""The two deployments as a stranger meets them: running, with an address, a log to write into and databases to look at."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from farandole.messaging.database import Database, open_database
from farandole.messaging.transport import Transport
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground import KafkaServer, PostgresServer
from farandole.proof.ground.cluster import SAGA, Cluster
from farandole.proof.ground.waiting import drive_until, pause
from farandole.proof.hostile.generator import Holds, text_only
from farandole.proof.hostile.writers import KafkaWriter, LogWriter, Writer
from farandole.runtime import embedded
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from farandole.runtime.telemetry import configure_logs
from farandole.runtime.wiring import MONITOR, NAMES, TOPICS

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Half:
    """A running system; `pids` are its processes, `logs` where they write what they say."""

    name: str
    url: str
    transport: Transport
    partitions: int
    databases: dict[str, Database]
    writer: Writer
    holds: Holds
    pids: list[int]
    logs: Path
    deaths: "Deaths"

    def resident(self) -> int:
        """Bytes of memory of all processes; 0 where the system does not tell."""
        return sum(_resident(pid) for pid in self.pids)

    def logged(self) -> int:
        """Bytes of all log files."""
        return sum(path.stat().st_size for path in self.logs.iterdir())


class Deaths(Protocol):
    def __call__(self) -> list[str]:
        """Who does not run any more, and why."""


@contextmanager
def embedded_half() -> Iterator[Half]:
    """The system in one process: this one, for nobody else may write into its log. The process logs there to its end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="farandole-hostile-")))
        (folder / "logs").mkdir()
        settings = load({}, {"port": 0})
        with redirect_stderr((folder / "logs" / "embedded.log").open("w")):
            configure_logs(settings)
        bound = listen(settings)
        system = stack.enter_context(embedded.Embedded(settings, folder / "data"))
        stack.enter_context(_serving(Server(system.app), bound))
        databases = {name: open_database(f"sqlite:///{folder / 'data' / name}.db") for name in NAMES}
        stack.callback(_close_all, databases)
        transport = system.transport
        yield Half(
            "embedded",
            address(bound),
            transport,
            len(TOPICS),
            databases,
            LogWriter(transport),
            text_only,
            [os.getpid()],
            folder / "logs",
            lambda: [why] if (why := system.halted()) else [],
        )


@contextmanager
def _serving(server: Server, bound: socket.socket) -> Iterator[None]:
    serving = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    serving.start()
    drive_until(lambda: server.started, pause)
    yield
    server.should_exit = True
    serving.join()


@contextmanager
def distributed_half() -> Iterator[Half]:
    """Real Kafka and PostgreSQL, and one process of each service."""
    with KafkaServer(fast_start=False) as kafka, PostgresServer() as postgres:
        names = {name: postgres.create_database(f"hostile_{name}") for name in NAMES}
        with cluster_half(kafka.bootstrap, "", names) as half:
            yield half


@contextmanager
def cluster_half(bootstrap: str, prefix: str, urls: dict[str, str]) -> Iterator[Half]:
    """One process of each service, on servers that run already."""
    with Cluster(bootstrap, urls, prefix) as cluster:
        cluster.prepare()
        members = {name: cluster.start(name) for name in SAGA}
        known = {f"FARANDOLE_{name.upper()}_URL": member.url for name, member in members.items()}
        members[MONITOR] = cluster.start(MONITOR, **known)
        cluster.all_ready(list(members.values()))
        databases = {name: open_database(url) for name, url in urls.items()}

        def deaths() -> list[str]:
            return [
                f"{m.service} ended with {m.process.poll()}" for m in cluster.members if m.process.poll() is not None
            ]

        yield Half(
            "distributed",
            members[MONITOR].url,
            KafkaTransport(bootstrap, prefix=prefix),
            len(TOPICS) * load({}).partitions,
            databases,
            KafkaWriter(bootstrap, prefix),
            lambda _: True,
            [member.process.pid for member in members.values()],
            cluster.logs,
            deaths,
        )
        _close_all(databases)


def _close_all(databases: dict[str, Database]) -> None:
    for database in databases.values():
        database.close()


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


HALVES = {"embedded": embedded_half, "distributed": distributed_half}
