"""Routes are a table of values; the framework's routes and the OpenAPI document are both made from it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette import routing
from starlette.requests import Request
from starlette.responses import Response

from farandole.http.parameters import Parameter

Endpoint = Callable[[Request], Awaitable[Response]]
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path: who answers, what goes in and comes out, which problems beside the usual ones."""

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    tag: str = "orders"
    body: Any = None
    answer: Any = None
    status: int = 200
    media: str = JSON
    also: Mapping[str, Any] = field(default_factory=dict)
    statuses: Mapping[int, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()


def get(path: str, endpoint: Endpoint, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, endpoint=endpoint, summary=summary, **more)


def post(path: str, endpoint: Endpoint, summary: str, **more: Any) -> Route:
    return Route(method="POST", path=path, endpoint=endpoint, summary=summary, **more)


def starlette_routes(routes: Iterable[Route]) -> list[routing.Route]:
    """One framework route a path, so that a refused method learns of all the others in `Allow`."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        methods = paths.setdefault(route.path, {})
        if route.method in methods:
            raise ValueError(f"expected one route for {route.method} {route.path}, found two")
        methods[route.method] = route.endpoint
    return [routing.Route(path, _dispatch(methods), methods=list(methods)) for path, methods in paths.items()]


def _dispatch(methods: Mapping[str, Endpoint]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" and "HEAD" not in methods else request.method
        return await methods[method](request)

    return endpoint


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, dict(headers or {}), JSON)
