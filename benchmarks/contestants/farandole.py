"""Farandole itself, distributed: processes of the four services, with or without the monitor beside them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec
import psycopg

from benchmarks.contestant import LINES, PAYMENT_LIMIT, SKUS, Ground, Play
from farandole.contract.invariants import findings
from tests.system.cluster import SAGA, Cluster, Member

CONNECTIONS: Final = 256
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
    with httpx.Client(base_url=url) as client:
        for number in range(skus):
            client.post(f"/api/stock/SKU-{number:06}/receipts", json={"quantity": PLENTY}).raise_for_status()


class Farandole:
    """The whole cluster, `copies` processes a service."""

    def __init__(
        self, ground: Ground, *, monitor: bool = False, copies: int = 1, partitions: int = 6, skus: int = SKUS
    ) -> None:
        self.name = "farandole with monitor" if monitor else "farandole"
        self._ground, self._monitor, self._copies, self._skus = ground, monitor, copies, skus
        self._partitions, self._placed = partitions, 0
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

    def play(self, orders: int) -> Play:
        said = place(self.member("order").url, "closed", self._placed, orders, self._skus, CONNECTIONS)
        self._placed += orders
        ended = self.drained()
        return Play(orders, ended - said["began"], {"accepting": said["accepted"] - said["began"], "load": said["cpu"]})

    def latency(self, rate: float, seconds: float) -> Any:
        """Latencies of an open loop, as the load generator found them."""
        found = place(self.member("order").url, "open", self._placed, rate, seconds, self._skus)
        self._placed += int(rate * seconds)
        self.drained()
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
