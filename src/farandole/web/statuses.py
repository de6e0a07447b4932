"""How all services stand, asked at once; one that does not answer is away, and nobody waits for it long."""

import asyncio
from typing import Final, TypeVar

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.http.routes import Route, json
from farandole.http.status import ServiceStatus, Status, status_routes
from farandole.web.branches import Branches

AT_ONCE: Final = 2.5
"""The longest wait for an answer, in seconds."""
T = TypeVar("T")


def routes(branches: Branches) -> tuple[Route, ...]:
    """The status of every service in one answer."""

    async def shown(_: Request) -> Response:
        return json(Status(tuple((await statuses(branches)).values())))

    return status_routes(shown)


async def statuses(branches: Branches) -> dict[str, ServiceStatus]:
    """How each service stands, by its name."""
    answers = await asyncio.gather(*(value(client, "/api/status", Status) for client in branches.values()))
    return {
        name: ServiceStatus(service=name, away=found) if isinstance(found, str) else found.services[0]
        for name, found in zip(branches, answers, strict=True)
    }


async def value(client: httpx.AsyncClient, path: str, kind: type[T], **query: str) -> T | str:
    """What a service answers at once, or why there is no answer."""
    try:
        answer = await asyncio.wait_for(client.get(path, params=query, timeout=AT_ONCE), AT_ONCE)
    except (httpx.HTTPError, TimeoutError):
        return f"{client.base_url} does not answer"
    except Exception as error:  # a service in this process raises its own bugs
        return f"{client.base_url} fails: {type(error).__name__}"
    if not answer.is_success:
        return f"{client.base_url} answers {answer.status_code}"
    return msgspec.json.decode(answer.content, type=kind)
