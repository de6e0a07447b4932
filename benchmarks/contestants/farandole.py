"""Farandole itself, distributed: processes of the four services, with or without the monitor beside them."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec
import psycopg

from benchmarks.contestant import HOT, LINES, PAYMENT_LIMIT, RECEIVED, SKUS, Ground, Play, await_count
from farandole.contract.invariants import findings
from farandole.proof.ground.cluster import SAGA, Cluster, Member

CONNECTIONS: Final = 256
RECEIVERS: Final = 16
SELDOM_SECONDS: Final = 0.5
ENDLESS_SECONDS: Final = 3600


class Load:
    """A running load generator."""

    def __init__(self, kind: str, url: str, *numbers: float) -> None:
        command = [sys.executable, "-m", "benchmarks.load", kind, url, *map(str, numbers)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def stop(self) -> Any:
        """Have an open loop place no more, and return what it found."""
        self._process.terminate()
        return self.found()

    def found(self) -> Any:
        """Wait for its end and return what it found."""
        said, errors = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"the load generator failed: {errors.decode()[-800:]}")
        return msgspec.json.decode(said)


def place(kind: str, url: str, *numbers: float) -> Any:
    """Run the load generator to its end and return what it found."""
    return Load(kind, url, *numbers).found()


def receive(url: str, skus: int) -> None:
    """Bring goods in."""
    names = [HOT, *(f"SKU-{number:06}" for number in range(skus))]

    def one(name: str) -> None:
        client.post(f"/api/stock/{name}/receipts", json={"quantity": RECEIVED}).raise_for_status()

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
        self._tally = Tally()
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
        self.work()
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
        return place("closed", self.member("order").url, *words)

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

    def rest(self) -> None:
        """End every process politely."""
        for service in {member.service for member in self.cluster.members}:
            self.stop(service)

    def work(self) -> None:
        """Start every process and wait until they are ready; the monitor is the front door of the others."""
        members = [self.cluster.start(name) for name in SAGA for _ in range(self._copies)]
        if self._monitor:
            urls = {f"FARANDOLE_{member.service.upper()}_URL": member.url for member in members}
            self.cluster.start("monitor", **urls)
        self.cluster.all_ready(self.cluster.members)

    @property
    def url(self) -> str:
        return self.member("monitor").url

    @property
    def databases(self) -> dict[str, str]:
        """SQLAlchemy URLs by service."""
        return self.cluster.databases

    def play(self, orders: int) -> Play:
        said = self.accept(orders)
        ended = self.drained()
        return Play(orders, ended - said["began"], notes(said))

    def latency(self, rate: float, seconds: float) -> Any:
        """Latencies of an open loop, as the load generator found them."""
        found = self.arrivals(rate, seconds)
        self.drained()
        return found

    def arrivals(self, rate: float, seconds: float) -> Any:
        """An open loop; its orders need not have ended."""
        return self.ended(Load("open", self.member("order").url, self._placed, rate, seconds, self._skus))

    def traffic(self, rate: float) -> Load:
        """An open loop beside something else: to be stopped and then given to `ended`."""
        return Load("open", self.member("order").url, self._placed, rate, ENDLESS_SECONDS, self._skus)

    def ended(self, load: Load, *, stop: bool = False) -> Any:
        """What an open loop found; its orders count from now on."""
        found = load.stop() if stop else load.found()
        self._placed += found["placed"]
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
            return self._tally.reached(self._placed, lambda statement: connection.execute(statement).fetchall())

    def newest(self) -> str:
        """The id of the newest order."""
        with psycopg.connect(self._urls["order"]) as connection:
            return str(connection.execute("SELECT order_id FROM orders ORDER BY 1 DESC LIMIT 1").fetchall()[0][0])

    def notified(self, orders: int, newest: str) -> float:
        """When so many orders up to an id were notified, of those that were not when last all of them were."""
        statement = f"SELECT count(*) FROM notices WHERE order_id > '{self._tally.last}' AND order_id <= '{newest}'"
        with psycopg.connect(self._urls["notification"], autocommit=True) as connection:
            return await_count(lambda: int(connection.execute(statement).fetchall()[0][0]), orders, SELDOM_SECONDS)

    def violations(self) -> list[str]:
        return [f"{found.id}: {found.violations}" for found in findings(self.cluster.facts()) if found.violations]


def notes(said: Any) -> dict[str, float]:
    """What a run's load generator says of itself."""
    return {"accepting": said["accepted"] - said["began"], "load": said["cpu"], "load_peak": said["peak"]}


class Tally:
    """Counts notices, only those since it last found all of them: what is stored must not be paid for by the meter."""

    def __init__(self) -> None:
        self._known, self.last = 0, "00000000-0000-0000-0000-000000000000"

    def reached(self, wanted: int, ask: Callable[[str], list[Any]]) -> float:
        """When so many orders were notified; raises when their number stands still."""
        statement = f"SELECT count(*) FROM notices WHERE order_id > '{self.last}'"
        ended = await_count(lambda: self._known + ask(statement)[0][0], wanted)
        if newest := ask("SELECT order_id FROM notices ORDER BY order_id DESC LIMIT 1"):
            self._known, self.last = wanted, str(newest[0][0])
        return ended
