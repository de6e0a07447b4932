"""Farandole in one process on SQLite: what `farandole up` runs."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import httpx

from benchmarks.contestant import LINES, PAYMENT_LIMIT, SKUS, Play
from benchmarks.contestants.farandole import CONNECTIONS, Tally, notes, place, receive
from benchmarks.load import request
from farandole.proof.ground.cluster import Embedded
from farandole.runtime.wiring import NAMES

JSON: Final = {"Content-Type": "application/json"}
PATIENCE: Final = 300.0
END_SECONDS: Final = 60.0


class FarandoleEmbedded:
    """`farandole up` on a folder of its own."""

    name = "farandole, embedded"

    def __init__(self) -> None:
        self._placed, self._tally = 0, Tally()
        self._folder: TemporaryDirectory[str]
        self.up: Embedded

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="farandole-bench-")
        settings = {"FARANDOLE_PAYMENT_LIMIT": PAYMENT_LIMIT, "FARANDOLE_LOG_LEVEL": "warning"}
        self.up = Embedded(self._data, **settings)
        self.up.start()
        receive(self.up.url, max(SKUS, max(LINES) + 1))
        return self

    def __exit__(self, *ended: object) -> None:
        self.up.kill()
        self._folder.cleanup()

    @property
    def _data(self) -> Path:
        return Path(self._folder.name) / "data"

    def restart(self) -> None:
        """End it politely and start it again on the same folder."""
        self.rest()
        self.work()

    def rest(self) -> None:
        """End it politely."""
        self.up.process.terminate()
        self.up.over(END_SECONDS)

    def work(self) -> None:
        """Start it again on the same folder."""
        self.up.start()

    @property
    def url(self) -> str:
        return self.up.url

    @property
    def databases(self) -> dict[str, str]:
        """SQLAlchemy URLs by service."""
        return {name: f"sqlite:///{self._data / name}.db" for name in NAMES}

    def processes(self) -> dict[str, Sequence[int]]:
        return {"farandole": [self.up.process.pid]}

    def accept(self, orders: int) -> Any:
        """Place orders; they need not have ended."""
        said = place("closed", self.up.url, self._placed, orders, SKUS, CONNECTIONS)
        self._placed += orders
        return said

    def order(self) -> None:
        """Place one order, without a process to do it."""
        content = request(self._placed, SKUS).partition(b"\r\n\r\n")[2]
        httpx.post(f"{self.up.url}/api/orders", content=content, headers=JSON, timeout=PATIENCE).raise_for_status()
        self._placed += 1

    def play(self, orders: int) -> Play:
        said = self.accept(orders)
        return Play(orders, self._drained() - said["began"], notes(said))

    def latency(self, rate: float, seconds: float) -> Any:
        """Latencies of an open loop, as the load generator found them."""
        found = place("open", self.up.url, self._placed, rate, seconds, SKUS)
        self._placed += found["placed"]
        self._drained()
        return found

    def _drained(self) -> float:
        with closing(sqlite3.connect(f"file:{self._data / 'notification.db'}?mode=ro", uri=True)) as connection:
            return self._tally.reached(self._placed, lambda statement: connection.execute(statement).fetchall())

    def violations(self) -> list[str]:
        answer = httpx.get(f"{self.up.url}/api/invariants", timeout=PATIENCE).raise_for_status().json()
        return [f"{found['id']}: {found['violations']}" for found in answer if found["violations"]]
