"""The first page: newest orders, and one order's dance, from the public routes alone."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from farandole.http.routes import Route, get

POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
}


def routes() -> tuple[Route, ...]:
    content = files("farandole.web").joinpath("templates", "index.html").read_text(encoding="utf-8")

    async def index(_: Request) -> Response:
        return HTMLResponse(content, headers=POLICY)

    return (get("/", index, "Orders and their dances, to look at", tag="pages", answer=str, media="text/html"),)
