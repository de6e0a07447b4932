"""The whole system in one process: SQLite files in one folder, the same services, one address.

Beside distributed.py: that is all that differs between a laptop and a cluster.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from farandole.http import operations, status
from farandole.http.app import application
from farandole.http.dead_letters import dead_letters
from farandole.http.invariants import routes as invariant_routes
from farandole.messaging.database import Database, open_database
from farandole.messaging.failure import Transient
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.messaging.transport.embedded.inspection import EmbeddedInspection
from farandole.runtime import migrations, traces
from farandole.runtime.couriers import Delivering
from farandole.runtime.demo import Customers
from farandole.runtime.folder import only_user_of
from farandole.runtime.interpreter import tune
from farandole.runtime.overview import Overview
from farandole.runtime.routes import SERVICE_FACTS, SERVICE_ROUTES
from farandole.runtime.server import address, listen, serve_until_told
from farandole.runtime.settings import Settings
from farandole.runtime.telemetry import configure_logs, registry
from farandole.runtime.watch import late_after
from farandole.runtime.wiring import MONITOR, services
from farandole.runtime.worker import Worker
from farandole.web import branches, ledger, pages, statuses
from farandole.web.doctor import routes as doctor
from farandole.web.doctor.routes import Doctor, Watching
from farandole.web.sources import Sources

INSTANCE: Final = "embedded"
"""The one instance of this folder: after a crash its outbox rows are still its own."""


class Embedded:
    """All services over one folder; a context manager that starts and stops them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._resources = ExitStack()
        self._resources.enter_context(only_user_of(folder))
        self.transport = EmbeddedTransport(folder / "log.db")
        self.workers: dict[str, Worker] = {}
        databases: dict[str, Database] = {}
        values = services(settings)
        for name, service in values.items():
            url = f"sqlite:///{folder / name}.db"
            databases[name] = open_database(url)
            if migrations.current(databases[name]) != migrations.HEAD[name]:
                migrations.migrate(name, url)
            self.workers[name] = Worker(service, databases[name], self.transport, settings, INSTANCE)
        self._databases = databases
        self._end_traces = traces.follow(settings, zip(self.workers.values(), values.values(), strict=True))
        self._delivering = Delivering(databases["notification"], settings)
        self.workers["notification"].noticed.append(self._delivering.show)
        figures = registry(list(self.workers.values()))
        monitor = (self.workers[MONITOR], databases[MONITOR])
        inspection, clients = EmbeddedInspection(self.transport), lambda: _clients(self.workers)
        self._overview = Overview(monitor, inspection, clients, late_after(settings), figures)
        self.app = _app(self.workers, self._overview.watch, self._overview.report, figures)

    def __enter__(self) -> Self:
        for worker in self.workers.values():
            worker.start()
        self._delivering.start()
        self._overview.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._overview.stop()
        self._delivering.stop()
        for worker in self.workers.values():
            worker.stop()
        for worker in self.workers.values():
            worker.join()
        self._overview.join()
        self._end_traces()
        self.transport.close()
        for database in self._databases.values():
            database.close()
        self._resources.close()

    def halted(self) -> str | None:
        """Why a service had to stop, or None."""
        return next((worker.halted for worker in self.workers.values() if worker.halted), None)


def _app(
    workers: dict[str, Worker],
    watch: Watching,
    report: ledger.Report = ledger.nobody,
    figures: CollectorRegistry | None = None,
) -> ASGIApp:
    def stall() -> str | None:
        return next((f"{w.service}: {why}" for w in workers.values() if (why := w.stall())), None)

    own = [route for name, worker in workers.items() for route in SERVICE_ROUTES[name](worker)]
    clients = _clients(workers)
    asked = Doctor(workers[MONITOR], clients, watch)
    shared = (*operations.health(stall), *operations.metrics(figures or registry(list(workers.values()))))
    own += ledger.routes(report)
    every = [*own, *branches.routes(clients), *statuses.routes(clients), *doctor.routes(asked), *shared]
    shown = (*pages.routes(Sources(workers[MONITOR], clients, asked)), *ledger.pages(report))
    return application("Farandole", every, pages=shown)


def _clients(workers: dict[str, Worker]) -> dict[str, httpx.AsyncClient]:
    return {name: _inside(worker) for name, worker in workers.items()}


def _inside(worker: Worker) -> httpx.AsyncClient:
    """A client of one service's routes, in this process."""
    own = SERVICE_ROUTES[worker.service](worker)
    operated = (*dead_letters(worker), *invariant_routes(worker, SERVICE_FACTS[worker.service]), *status.routes(worker))
    transport = httpx.ASGITransport(application(worker.service, (*own, *operated)))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{worker.service}")


def up(settings: Settings, *, demo: bool) -> int:
    """Run until told to end; 0 then, 1 when a service halted."""
    configure_logs(settings)
    tune()
    try:
        bound = listen(settings)
        system = Embedded(settings, settings.data)
    except (OSError, Transient) as error:
        print(f"farandole: {error}", file=sys.stderr)
        return 2
    with system, Customers(address(bound), active=demo):
        print(f"Farandole is at {address(bound)}/ and keeps its data in {settings.data}", flush=True)
        serve_until_told(system.app, bound, system.halted)
    if reason := system.halted():
        print(f"farandole: {reason}", file=sys.stderr)
        return 1
    return 0
