"""One service of the cluster: Kafka between the services, a PostgreSQL database each.

Beside embedded.py: that is all that differs between a laptop and a cluster.
"""

import sys

import httpx
from starlette.types import ASGIApp

from farandole.http import operations
from farandole.http.app import application
from farandole.http.asyncapi import asyncapi
from farandole.http.dead_letters import dead_letters
from farandole.http.invariants import routes as invariant_routes
from farandole.messaging.database import Database, open_database
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.runtime import migrations
from farandole.runtime.couriers import Delivering
from farandole.runtime.interpreter import tune
from farandole.runtime.pulse import Pulse
from farandole.runtime.routes import SERVICE_FACTS, SERVICE_ROUTES
from farandole.runtime.server import address, listen, serve_until_told
from farandole.runtime.settings import Settings
from farandole.runtime.telemetry import configure_logs, registry
from farandole.runtime.wiring import MONITOR, TOPICS, services
from farandole.runtime.worker import Worker, instance_name
from farandole.web import branches, front_door, pages
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
    delivering = Delivering(database, settings) if name == "notification" else None
    if delivering:
        worker.noticed.append(delivering.show)
        delivering.start()
    worker.start()
    pulse = Pulse(worker, database, kafka)
    pulse.start()
    print(f"farandole {name} is at {address(bound)}/", flush=True)
    serve_until_told(_app(worker, settings), bound, lambda: worker.halted)
    if delivering:
        delivering.stop()
    pulse.stop()
    worker.stop()
    worker.join()
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


def _app(worker: Worker, settings: Settings) -> ASGIApp:
    name = worker.service
    own = (*SERVICE_ROUTES[name](worker), *operations.health(worker.stall), *operations.metrics(registry([worker])))
    single = (*dead_letters(worker), *invariant_routes(worker, SERVICE_FACTS[name]))
    if name != MONITOR:
        return application(f"Farandole {name}", (*own, *single), events=asyncapi(name, settings.topic_prefix))
    urls = {
        "order": settings.order_url,
        "inventory": settings.inventory_url,
        "payment": settings.payment_url,
        "notification": settings.notification_url,
    }
    clients = {service: httpx.AsyncClient(base_url=url) for service, url in urls.items() if url}
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(application(name, single)), base_url=f"http://{name}")
    forwarded = [
        route
        for service in urls
        for route in front_door.forwarded(SERVICE_ROUTES[service](worker), service, clients.get(service))
    ]
    every = {**clients, MONITOR: inside}
    shown = pages.routes(Sources(worker, every))
    routes = (*forwarded, *own, *branches.routes(every))
    return application("Farandole", routes, pages=shown, events=asyncapi(None, settings.topic_prefix))
