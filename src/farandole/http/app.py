"""An application is a value made of routes: they, their documents, and problems for everything else."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Router
from starlette.types import ASGIApp

from farandole.http.asyncapi import asyncapi
from farandole.http.openapi import openapi
from farandole.http.pages import api_page, events_page
from farandole.http.problems import Problem, respond
from farandole.http.routes import JSON, Endpoint, Route, get, resources


def application(
    title: str, routes: Sequence[Route], *, pages: Sequence[Route] = (), events: dict[str, Any] | None = None
) -> ASGIApp:
    """An application that serves routes and their documents, and pages for people, which no document describes;
    `events` is its AsyncAPI document, else that of all."""
    documents = _documents(openapi(title, routes), events or asyncapi(None))
    return Router(resources([*routes, *pages, *documents]), redirect_slashes=False, default=respond(Problem(404)))


def _documents(api: dict[str, Any], events: dict[str, Any]) -> tuple[Route, ...]:
    return (
        get("/openapi.json", _fixed(msgspec.json.encode(api)), "OpenAPI"),
        get("/asyncapi.json", _fixed(msgspec.json.encode(events)), "AsyncAPI"),
        get("/docs", _page(api_page(api)), "The routes, to read"),
        get("/docs/events", _page(events_page(events)), "The events, to read"),
    )


def _fixed(content: bytes) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=JSON)

    return endpoint


def _page(content: str) -> Endpoint:
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

    async def endpoint(_: Request) -> Response:
        return HTMLResponse(content, headers=policy)

    return endpoint
