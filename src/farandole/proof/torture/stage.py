"""One episode's cluster: two processes of each service on fresh databases and topics, the second of each behind the proxies."""

import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql

from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground.cluster import SAGA, Cluster, Member
from farandole.proof.ground.postgres import libpq_url
from farandole.proof.torture.ground import Ground
from farandole.proof.torture.inflight import Watch
from farandole.proof.torture.load import Load
from farandole.proof.torture.poison import Injector
from farandole.proof.torture.reading import Topics
from farandole.runtime.settings import load as settings
from farandole.runtime.wiring import TOPICS

EACH: Final = 2
LEAVE_SECONDS: Final = 30.0
"""A process is promised to leave within 10 s of SIGTERM; a busy machine gets more."""
Slot = tuple[str, int]
SLOTS: Final[tuple[Slot, ...]] = tuple((service, index) for index in range(EACH) for service in SAGA)


class Stage:
    """What the faults of an episode act on."""

    def __init__(self, ground: Ground, number: int, rate: float, rng: random.Random) -> None:
        self.ground, self.rng = ground, rng
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.members: dict[Slot, Member] = {}
        self.struck: set[Slot] = set()
        """Who suffers already."""
        partitions, prefix = settings({}).partitions, f"torture-{number}."
        KafkaTransport(ground.kafka.bootstrap, prefix=prefix).ensure_topics(TOPICS, partitions)
        self.topics = Topics(ground.kafka.bootstrap, prefix, partitions)
        self.cluster = Cluster(ground.kafka.bootstrap, ground.databases(number), prefix)
        self.watch = Watch(self.cluster.databases, self.topics)
        self.load = Load(ground.loop, self.addresses, rate, prefix)
        self.injector = Injector(ground.kafka.bootstrap, self.topics, random.Random(rng.random()))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Every process is started, the load and the poison flow; whoever is alive at the end is ended."""
        with self.cluster:
            with ThreadPoolExecutor(len(SAGA)) as pool:
                list(pool.map(self.start, SLOTS))
            self.cluster.all_ready(list(self.members.values()))
            try:
                self.load.start()
                self.injector.start()
                yield
            finally:
                self.load.abandon()
                self.injector.abandon()
                self.topics.close()

    def calm(self) -> None:
        """No more orders and no more poison; every order that was begun is acknowledged."""
        self.injector.stop()
        self.load.stop()
        self.wrong += self.load.wrong + self.injector.lost
        self.seen += self.load.seen

    def addresses(self, service: str) -> Sequence[str]:
        return [self.members[service, index].url for index in range(EACH) if (service, index) in self.members]

    def start(self, slot: Slot) -> None:
        """Start the process of a slot, or another after it has ended."""
        service, index = slot
        env = {"FARANDOLE_KAFKA_CLIENT_ID": client(slot), "PYTHONFAULTHANDLER": "1", "FARANDOLE_LOG_LEVEL": "warning"}
        if index:
            direct, proxy = f":{self.ground.postgres.port}/", f":{self.ground.postgres_proxy.port}/"
            env["FARANDOLE_DATABASE"] = self.cluster.databases[service].replace(direct, proxy)
            env["FARANDOLE_KAFKA"] = f"127.0.0.1:{self.ground.kafka_proxy.port}"
        self.members[slot] = self.cluster.start(service, **env)

    def tell_to_end(self, slot: Slot) -> None:
        self.members[slot].process.send_signal(signal.SIGTERM)

    def await_end(self, slot: Slot) -> None:
        """An end with code 0, in time; who does not end leaves the stacks of its threads in its log."""
        process = self.members[slot].process
        try:
            code = process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"{client(slot)} (pid {process.pid}) did not end in {LEAVE_SECONDS:.0f} s after SIGTERM")
            process.send_signal(signal.SIGABRT)
            process.wait(LEAVE_SECONDS)
            return
        if code:
            self.wrong.append(f"{client(slot)} ended with code {code} after SIGTERM")

    def lost_processes(self) -> list[str]:
        """Processes that ended although nobody made them."""
        ended = [(slot, member.process.poll()) for slot, member in self.members.items()]
        return [f"{client(slot)} ended by itself with code {code}" for slot, code in ended if code is not None]

    def leave(self) -> None:
        """Everybody is told to end, and does."""
        for slot in self.members:
            self.tell_to_end(slot)
        for slot in self.members:
            self.await_end(slot)

    def forget(self) -> None:
        """Remove the topics, databases and logs of an episode in which all was well."""
        names = [self.topics.prefix + topic for topic in TOPICS]
        for answer in self.topics.admin.delete_topics(names).values():
            answer.result()
        with psycopg.connect(libpq_url(self.ground.postgres.address), autocommit=True) as admin:
            for url in self.cluster.databases.values():
                name = sql.Identifier(url.rpartition("/")[2])
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        shutil.rmtree(self.cluster.logs, ignore_errors=True)


def client(slot: Slot) -> str:
    """The name by which a group knows a process."""
    return f"{slot[0]}-{slot[1]}"
