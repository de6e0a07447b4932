"""Forwards a service's routes to it, so that people and the command line need one address."""

from collections.abc import Iterable
from dataclasses import replace

import httpx
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import bodies
from farandole.http.problems import Problem
from farandole.http.routes import Endpoint, Route
from farandole.web.branches import ask, passed_on

FORWARDED_HEADERS = (b"content-type", b"accept", b"idempotency-key", b"prefer", b"traceparent")


def forwarded(routes: Iterable[Route], service: str, client: httpx.AsyncClient | None) -> list[Route]:
    """The same routes, answered by the service behind the client; 503 where no address is known."""
    return [replace(route, endpoint=_forward(service, client)) for route in routes]


def _forward(service: str, client: httpx.AsyncClient | None) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        if client is None:
            name = f"FARANDOLE_{service.upper()}_URL"
            raise Problem(503, f"the address of the {service} service is not known here: set {name}")
        headers = [(name, value) for name, value in request.scope["headers"] if name in FORWARDED_HEADERS]
        body = await bodies.read(request) if request.method == "POST" else b""
        path, query = request.scope["raw_path"], request.scope["query_string"]
        target = client.base_url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")
        as_it_came = {"headers": headers, "content": body, "extensions": {"target": target}}
        return passed_on(await ask(client, request.method, "/", **as_it_came))

    return endpoint
