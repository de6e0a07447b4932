"""Restate as a contestant: every order one workflow of journaled steps, their rows in one PostgreSQL.

The server runs on its defaults, which wait for the disk, but for what follows. What was tried to make it faster, in
orders a second on the machine this was written on: the ASGI server granian instead of hypercorn, which the documentation
shows, 350 instead of 199; one partition instead of 24, the default, 350 instead of 248 (two 332, four 287); 64 orders at
once (16: 239, 32: 350, 128: 341, 256: 312); two processes of the service, which needs few streams a connection so that
both get some, 352 to 374. Nothing came of the local log instead of the replicated one, of larger command batches, of more
database connections, of a service with idempotency keys instead of a workflow, and of keeping no journal afterwards.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.contestant import Ground
from benchmarks.contestants import engine_server
from benchmarks.contestants.peer import Peer
from benchmarks.contestants.settings import RestateSettings
from benchmarks.contestants.workers import Workers
from farandole.proof.ground.ports import free_port
from farandole.proof.ground.processes import Missing

PARTITIONS: Final = 1
STREAMS: Final = 16
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


def restate(
    ground: Ground, *, python: str = sys.executable, services: int = 2, outstanding: int = 64, **tuned: Any
) -> Peer:
    """One server, so many processes of the service behind one port, and a process that makes the orders."""

    def start(url: str, running: Workers) -> None:
        node, ingress, admin, service = (free_port() for _ in range(4))
        _serve(running, node=node, ingress=ingress, admin=admin)
        chosen = RestateSettings(url, _at(ingress), service, **tuned)
        for _ in range(services):
            running.start("service", "restate_app", chosen)
        _register(_at(admin), _at(service))
        running.start("load", "restate_load", chosen)

    return Peer(ground, "Restate", start, outstanding, "load", python)


def _serve(running: Workers, **ports: int) -> None:
    program = engine_server.restate()
    if program is None:
        raise Missing(f"no `restate-server`; bring it by `{engine_server.RESTATE_INSTALLATION}`")
    folder = running.folder()
    configuration = folder / "restate.toml"
    configuration.write_text(CONFIGURATION.format(partitions=PARTITIONS, streams=STREAMS, **ports))
    words: list[str | Path] = [program, "--config-file", configuration, "--base-dir", folder / "data"]
    running.serve(words, folder, partial(_healthy, _at(ports["admin"]), _at(ports["ingress"])))


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
