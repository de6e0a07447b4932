"""An application is a value made of routes: they, their documents, and problems for everything else."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from farandole.http import problems
from farandole.http.asyncapi import asyncapi
from farandole.http.openapi import openapi
from farandole.http.pages import api_page, events_page
from farandole.http.routes import JSON, Endpoint, Route, get, starlette_routes

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def application(
    title: str,
    routes: Sequence[Route],
    *,
    extra: Sequence[BaseRoute] = (),
    lifespan: Lifespan | None = None,
    events: dict[str, Any] | None = None,
) -> Starlette:
    """An application that serves routes and their documents; `events` is its AsyncAPI document, else that of all."""
    documents = _documents(openapi(title, routes), events or asyncapi(None))
    app = Starlette(
        routes=[*starlette_routes([*routes, *documents]), *extra],
        exception_handlers=dict(problems.HANDLERS),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


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
