"""What an operator asks of one service: its dead letters, its health and its metrics."""

from collections.abc import Callable
from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from farandole.http.dead_letters import dead_letters
from farandole.http.desk import Desk
from farandole.http.problems import Problem
from farandole.http.routes import Route, get, json

TAG: Final = "operations"


class Health(msgspec.Struct, frozen=True):
    status: str


def routes(desk: Desk, registry: CollectorRegistry | None = None) -> tuple[Route, ...]:
    """Everything an operator may ask of one service."""
    return (*dead_letters(desk), *health(desk.stall), *(metrics(registry) if registry is not None else ()))


def health(stall: Callable[[], str | None]) -> tuple[Route, ...]:
    """Whether the process lives, and whether it can work now."""

    async def live(_: Request) -> Response:
        return json(Health("live"))

    async def ready(_: Request) -> Response:
        cause = stall()
        if cause is not None:
            raise Problem(503, cause, headers={"Retry-After": "1"})
        return json(Health("ready"))

    return (
        get("/health/live", live, "Whether the process lives", tag=TAG, answer=Health),
        get("/health/ready", ready, "Whether it can work now", tag=TAG, answer=Health),
    )


def metrics(registry: CollectorRegistry) -> tuple[Route, ...]:
    """What a registry has counted, as Prometheus text."""

    async def text(_: Request) -> Response:
        content = await run_in_threadpool(generate_latest, registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    return (get("/metrics", text, "Figures for Prometheus", tag=TAG, answer=str, media="text/plain"),)
