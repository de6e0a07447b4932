"""One service of the cluster: Kafka between the services, a PostgreSQL database each.

Beside embedded.py: that is all that differs between a laptop and a cluster.
"""

import sys

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from farandole.http import operations, status
from farandole.http.app import application
from farandole.http.asyncapi import asyncapi
from farandole.http.dead_letters import dead_letters
from farandole.http.invariants import routes as invariant_routes
from farandole.http.routes import Route
from farandole.messaging.database import Database, open_database
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.runtime import migrations, traces
from farandole.runtime.couriers import Delivering
from farandole.runtime.interpreter import tune
from farandole.runtime.overview import Overview
from farandole.runtime.pulse import Pulse
from farandole.runtime.routes import SERVICE_FACTS, SERVICE_ROUTES
from farandole.runtime.server import address, listen, serve_until_told
from farandole.runtime.settings import Settings
from farandole.runtime.telemetry import configure_logs, registry
from farandole.runtime.watch import late_after
from farandole.runtime.wiring import MONITOR, TOPICS, services
from farandole.runtime.worker import Worker, instance_name
from farandole.web import branches, front_door, ledger, pages, statuses
from farandole.web.doctor import routes as doctor
from farandole.web.doctor.routes import Doctor
from farandole.web.sources import Sources


def transport(settings: Settings) -> KafkaTransport:
    return KafkaTransport(settings.kafka or "", prefix=settings.topic_prefix, options=settings.kafka_options)


def create_topics(settings: Settings) -> list[str]:
    """Create missing topics, check the others, and say so in lines; raises Transient while Kafka is away."""
    return transport(settings).ensure_topics(TOPICS, settings.partitions)


def serve(name: str, settings: Settings) -> int:
    """Run one service until told to end; 0 then, 1 when it halted."""
    configure_logs(settings)
    tune()
    try:
        bound = listen(settings)
    except OSError as error:
        print(f"farandole: {error}", file=sys.stderr)
        return 2
    database = open_database(settings.database or "")
    kafka = transport(settings)
    service = services(settings)[name]
    worker = Worker(service, database, kafka, settings, instance_name(name), lambda: _unready(name, database))
    end_traces = traces.follow(settings, [(worker, service)], "kafka", settings.topic_prefix)
    delivering = Delivering(database, settings) if name == "notification" else None
    if delivering:
        worker.noticed.append(delivering.show)
        delivering.start()
    worker.start()
    pulse = Pulse(worker, database, kafka)
    pulse.start()
    print(f"farandole {name} is at {address(bound)}/", flush=True)
    figures = registry([worker])
    overview = _overview((worker, database), kafka, settings, figures) if name == MONITOR else None
    if overview:
        overview.start()
    serve_until_told(_app(worker, settings, overview, figures), bound, lambda: worker.halted)
    if overview:
        overview.stop()
    if delivering:
        delivering.stop()
    pulse.stop()
    worker.stop()
    worker.join()
    if overview:
        overview.join()
    end_traces()
    kafka.close()
    database.close()
    if worker.halted:
        print(f"farandole: {worker.halted}", file=sys.stderr)
        return 1
    return 0


def _unready(name: str, database: Database) -> str | None:
    found = migrations.current(database)
    if found == migrations.HEAD[name]:
        return None
    return f"expected the tables of {migrations.HEAD[name]}, found {found or 'none'}: run `farandole migrate {name}`"


def _app(worker: Worker, settings: Settings, overview: Overview | None, figures: CollectorRegistry) -> ASGIApp:
    name = worker.service
    own = (*SERVICE_ROUTES[name](worker), *operations.health(worker.stall), *operations.metrics(figures))
    single = _single(worker)
    if overview is None:
        return application(f"Farandole {name}", (*own, *single), events=asyncapi(name, settings.topic_prefix))
    every = _every(worker, settings)
    forwarded = [
        route
        for service in _urls(settings)
        for route in front_door.forwarded(SERVICE_ROUTES[service](worker), service, every.get(service))
    ]
    asked, report = Doctor(worker, every, overview.watch), overview.report
    operated = (*branches.routes(every), *statuses.routes(every), *ledger.routes(report), *doctor.routes(asked))
    shown = (*pages.routes(Sources(worker, every, asked)), *ledger.pages(report))
    return application(
        "Farandole", (*forwarded, *own, *operated), pages=shown, events=asyncapi(None, settings.topic_prefix)
    )


def _overview(
    monitor: tuple[Worker, Database], kafka: KafkaTransport, settings: Settings, figures: CollectorRegistry
) -> Overview:
    return Overview(monitor, kafka.inspection(), lambda: _every(monitor[0], settings), late_after(settings), figures)


def _single(worker: Worker) -> tuple[Route, ...]:
    """What every process answers about itself."""
    return (
        *dead_letters(worker),
        *invariant_routes(worker, SERVICE_FACTS[worker.service]),
        *status.routes(worker),
    )


def _urls(settings: Settings) -> dict[str, str | None]:
    return {
        "order": settings.order_url,
        "inventory": settings.inventory_url,
        "payment": settings.payment_url,
        "notification": settings.notification_url,
    }


def _every(worker: Worker, settings: Settings) -> dict[str, httpx.AsyncClient]:
    """A client of each service whose address is known, and of this one."""
    inside = httpx.ASGITransport(application(worker.service, _single(worker)))
    clients = {service: httpx.AsyncClient(base_url=url) for service, url in _urls(settings).items() if url}
    return {**clients, worker.service: httpx.AsyncClient(transport=inside, base_url=f"http://{worker.service}")}
