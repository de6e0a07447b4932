"""Routes are a table of values; the framework's routes and the OpenAPI document are both made from it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from farandole.http.parameters import Parameter
from farandole.http.problems import BUG, Problem, problem_of, respond

Endpoint = Callable[[Request], Awaitable[Response]]
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
STOPPING: Final = "stopping"
"""Where a server keeps, among the state of its requests, the future that is done once it was told to stop."""
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


def stopping(request: Request) -> asyncio.Future[None]:
    """Done once the server was told to stop, so that a stream ends by itself; never, where the server has no such state."""
    known: asyncio.Future[None] | None = request.scope.get("state", {}).get(STOPPING)
    return known if known is not None else asyncio.get_running_loop().create_future()


def get(path: str, endpoint: Endpoint, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, endpoint=endpoint, summary=summary, **more)


def post(path: str, endpoint: Endpoint, summary: str, **more: Any) -> Route:
    return Route(method="POST", path=path, endpoint=endpoint, summary=summary, **more)


def resources(routes: Iterable[Route]) -> list["Resource"]:
    """One resource a path, so that a refused method learns of all the others in `Allow`."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        methods = paths.setdefault(route.path, {})
        if route.method in methods:
            raise ValueError(f"expected one route for {route.method} {route.path}, found two")
        methods[route.method] = route.endpoint
    return [Resource(path, methods) for path, methods in paths.items()]


class Resource(BaseRoute):
    """Everything that one path answers; an error is answered with its problem, and a bug raised for the server to log."""

    def __init__(self, path: str, methods: Mapping[str, Endpoint]) -> None:
        self.path = path
        self._pattern, _, _ = compile_path(path)
        self._methods = {"HEAD": methods["GET"], **methods} if "GET" in methods else methods

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._pattern.match(scope["path"]) if scope["type"] == "http" else None
        return (Match.FULL, {"path_params": found.groupdict()}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._endpoint(scope["method"])(Request(scope, receive, send))
        except Exception as error:
            problem = problem_of(error)
            await respond(problem or BUG)(scope, receive, send)
            if problem is None:
                raise
            return
        await response(scope, receive, send)

    def _endpoint(self, method: str) -> Endpoint:
        endpoint = self._methods.get(method)
        if endpoint is None:
            raise Problem(405, headers={"Allow": ", ".join(self._methods)})
        return endpoint


class Json(Response):
    """A JSON answer; its headers are known, so it takes half the time of the framework's."""

    def render(self, content: Any) -> bytes:
        return _encode(content)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        named = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        self.raw_headers = [*named, (b"content-length", b"%d" % len(self.body)), (b"content-type", b"application/json")]


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Json(value, status, headers)
