"""Farandole itself, distributed: processes of the four services, with or without the monitor beside them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec
import psycopg

from benchmarks.contestant import HOT, LINES, PAYMENT_LIMIT, SKUS, Ground, Play
from farandole.contract.invariants import findings
from tests.system.cluster import SAGA, Cluster, Member

CONNECTIONS: Final = 256
RECEIVERS: Final = 16
PLENTY: Final = 1_000_000_000
STALL_SECONDS: Final = 120


def place(url: str, *words: object) -> Any:
    """Run the load generator to its end and return what it found."""
    command = [sys.executable, "-m", "benchmarks.load", *map(str, words[:1]), url, *map(str, words[1:])]
    run = subprocess.run(command, capture_output=True, check=False)
    if run.returncode:
        raise RuntimeError(f"the load generator failed: {run.stderr.decode()[-800:]}")
    return msgspec.json.decode(run.stdout)


def receive(url: str, skus: int) -> None:
    """Bring goods in."""
    names = [HOT, *(f"SKU-{number:06}" for number in range(skus))]

    def one(name: str) -> None:
        client.post(f"/api/stock/{name}/receipts", json={"quantity": PLENTY}).raise_for_status()

    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(RECEIVERS) as pool:
        for _ in pool.map(one, names):
            pass


class Farandole:
    """The whole cluster, `copies` processes a service."""

    def __init__(
        self,
        ground: Ground,
        *,
        monitor: bool = False,
        copies: int = 1,
        partitions: int = 6,
        skus: int = SKUS,
        hot: bool = False,
    ) -> None:
        self.name = "farandole with monitor" if monitor else "farandole"
        self._ground, self._monitor, self._copies, self._skus = ground, monitor, copies, skus
        self._partitions, self._hot, self._placed = partitions, hot, 0
        self.cluster: Cluster

    def __enter__(self) -> Self:
        names = (*SAGA, "monitor") if self._monitor else SAGA
        urls = {name: self._ground.database(name) for name in names}
        self._urls = urls
        sqlalchemy = {name: url.replace("postgresql://", "postgresql+psycopg://") for name, url in urls.items()}
        self.cluster = Cluster(self._ground.bootstrap, sqlalchemy, self._ground.topic_prefix())
        self.cluster.settings = {
            "FARANDOLE_PAYMENT_LIMIT": PAYMENT_LIMIT,
            "FARANDOLE_PARTITIONS": str(self._partitions),
            "FARANDOLE_LOG_LEVEL": "warning",
        }
        self.cluster.prepare()
        for name in names:
            for _ in range(self._copies if name != "monitor" else 1):
                self.cluster.start(name)
        self.cluster.all_ready(self.cluster.members)
        receive(self.member("inventory").url, max(self._skus, max(LINES) + 1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cluster.__exit__(kind, error, trace)

    def member(self, service: str) -> Member:
        return next(member for member in self.cluster.members if member.service == service)

    def processes(self) -> dict[str, Sequence[int]]:
        roles: dict[str, list[int]] = {}
        for member in self.cluster.members:
            roles.setdefault(member.service, []).append(member.process.pid)
        return dict(roles)

    def accept(self, orders: int) -> Any:
        """Place orders; they need not have ended."""
        words = (self._placed, orders, self._skus, CONNECTIONS, int(self._hot))
        self._placed += orders
        return place(self.member("order").url, "closed", *words)

    def stop(self, service: str) -> None:
        """End a service politely."""
        member = self.member(service)
        member.process.terminate()
        member.process.wait(60)
        self.cluster.members.remove(member)

    def start(self, service: str) -> None:
        """Start one more process of a service and wait until it is ready."""
        self.cluster.start(service)
        self.cluster.all_ready(self.cluster.members)

    def play(self, orders: int) -> Play:
        said = self.accept(orders)
        ended = self.drained()
        return Play(orders, ended - said["began"], {"accepting": said["accepted"] - said["began"], "load": said["cpu"]})

    def latency(self, rate: float, seconds: float) -> Any:
        """Latencies of an open loop, as the load generator found them."""
        found = self.arrivals(rate, seconds)
        self.drained()
        return found

    def arrivals(self, rate: float, seconds: float) -> Any:
        """An open loop; its orders need not have ended."""
        found = place(self.member("order").url, "open", self._placed, rate, seconds, self._skus)
        self._placed += int(rate * seconds)
        return found

    def tables(self) -> dict[str, dict[str, int]]:
        """By table: bytes with indexes, and dead rows as PostgreSQL estimates them."""
        statement = "SELECT relname, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables"
        found: dict[str, dict[str, int]] = {}
        for service, url in self._urls.items():
            with psycopg.connect(url) as connection:
                rows = connection.execute(statement).fetchall()
                found |= {f"{service}.{name}": {"bytes": size, "dead": dead} for name, size, dead in rows}
        return found

    def drained(self) -> float:
        """When the last order placed was notified."""
        with psycopg.connect(self._urls["notification"], autocommit=True) as connection:
            return await_count(lambda: _count(connection), self._placed)

    def violations(self) -> list[str]:
        return [f"{found.id}: {found.violations}" for found in findings(self.cluster.facts()) if found.violations]


def _count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM notices").fetchone()
    assert row
    return int(row[0])


def await_count(count: Any, wanted: int) -> float:
    """When a count reached what is wanted; raises when it stands still."""
    last, since = -1, time.time()
    while (found := count()) < wanted:
        if found != last:
            last, since = found, time.time()
        elif time.time() - since > STALL_SECONDS:
            raise RuntimeError(
                f"expected {wanted} orders notified, found {found} and nothing new for {STALL_SECONDS} s"
            )
        time.sleep(0.05)
    return time.time()
