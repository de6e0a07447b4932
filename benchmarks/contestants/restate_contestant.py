"""Restate as a contestant: every order one workflow of journaled steps, their rows in one PostgreSQL.

The server runs on its defaults, which wait for the disk, but for what follows. What was tried to make it faster, in
orders a second on the machine this was written on: the ASGI server granian instead of hypercorn, which the documentation
shows, 350 instead of 199; one partition instead of 24, the default, 350 instead of 248 (two 332, four 287); 64 orders at
once (16: 239, 32: 350, 128: 341, 256: 312); two processes of the service, which needs few streams a connection so that
both get some, 352 to 374. Nothing came of the local log instead of the replicated one, of larger command batches, of more
database connections, of a service with idempotency keys instead of a workflow, and of keeping no journal afterwards.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import httpx

from benchmarks.contestant import Ground, Play
from benchmarks.contestants import engine_server, one_database
from benchmarks.contestants.restate_settings import Settings
from benchmarks.contestants.workers import Workers
from farandole.proof.ground.ports import free_port
from farandole.proof.ground.processes import Missing

CONFIGURATION: Final = """
default-num-partitions = {partitions}
bind-address = "127.0.0.1:{node}"
listen-mode = "tcp"
disable-telemetry = true
log-filter = "warn"
log-disable-ansi-codes = true
[ingress]
bind-address = "127.0.0.1:{ingress}"
[admin]
bind-address = "127.0.0.1:{admin}"
disable-web-ui = true
[worker.invoker]
http2-streams-per-connection-limit = {streams}
"""


@dataclass
class Restate:
    """One server, so many processes of the service behind one port, and a process that makes the orders."""

    ground: Ground
    python: str = sys.executable
    outstanding: int = 64
    services: int = 2
    partitions: int = 1
    streams: int = 16
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = "Restate"
    _url: str = ""
    _played: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        program = engine_server.restate()
        if program is None:
            raise Missing(f"no `restate-server`; bring it by `{engine_server.RESTATE_INSTALLATION}`")
        self._url = self.ground.database("restate")
        one_database.create(self._url)
        self._running = Workers(self.python, self._stack)
        node, ingress, admin, service = (free_port() for _ in range(4))
        chosen = Settings(self._url, f"http://127.0.0.1:{ingress}", service, **self.settings)
        try:
            self._serve(program, node=node, ingress=ingress, admin=admin)
            for _ in range(self.services):
                self._running.start("service", "benchmarks.contestants.restate_app", chosen.environment())
            _register(_at(admin), _at(service))
            self._running.start("load", "benchmarks.contestants.restate_load", chosen.environment())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._stack.close()

    def processes(self) -> dict[str, Sequence[int]]:
        return {"server": [self._server.pid], **self._running.pids}

    def play(self, orders: int) -> Play:
        """Makes the orders in a closed loop and waits for the last notification."""
        began = time.monotonic()
        first, self._played = self._played, self._played + orders
        self._running.say("load", f"{first} {self._played} {self.outstanding}")
        one_database.await_notifications(self._url, self._played, self._alive)
        return Play(orders, time.monotonic() - began)

    def violations(self) -> list[str]:
        return one_database.violations(self._url, self._played)

    def _alive(self) -> bool:
        return self._running.alive() and self._server.poll() is None

    def _serve(self, program: Path, **ports: int) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="restate-")))
        configuration = folder / "restate.toml"
        configuration.write_text(CONFIGURATION.format(partitions=self.partitions, streams=self.streams, **ports))
        words: list[str | Path] = [program, "--config-file", configuration, "--base-dir", folder / "data"]
        ready = partial(_healthy, _at(ports["admin"]), _at(ports["ingress"]))
        self._server = engine_server.serve(self._stack, words, folder, ready)


def _at(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _healthy(admin: str, ingress: str) -> bool:
    try:
        return httpx.get(f"{admin}/health").is_success and httpx.get(f"{ingress}/restate/health").is_success
    except httpx.TransportError:
        return False


def _register(admin: str, service: str) -> None:
    """Has the server find out what the service offers."""
    answer = httpx.post(f"{admin}/deployments", json={"uri": service}, timeout=engine_server.START_SECONDS)
    if not answer.is_success:
        raise RuntimeError(f"expected Restate to accept the service, found {answer.status_code}: {answer.text}")
