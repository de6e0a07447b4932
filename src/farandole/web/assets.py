"""Scripts and styles that pages use: files of this package, each under a name that changes with its content."""

from hashlib import sha256
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from farandole.http.problems import unknown
from farandole.http.routes import Route, get

TYPES: Final = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "md": "text/markdown"}
_FOLDER: Final = files("farandole.web").joinpath("assets")
_CONTENT: Final = {
    found.name: found.read_bytes() for found in _FOLDER.iterdir() if found.name.rpartition(".")[2] in TYPES
}
_FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


def address(name: str) -> str:
    """Where an asset is; another content has another address, so that browsers may keep it."""
    return f"/assets/{name}?{sha256(_CONTENT[name]).hexdigest()[:12]}"


def routes() -> tuple[Route, ...]:
    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _CONTENT:
            raise unknown("asset")
        return Response(_CONTENT[name], 200, _FOREVER, TYPES[name.rpartition(".")[2]])

    return (
        get("/assets/{name}", asset, "Scripts and styles of the pages", tag="pages", answer=str, media="text/plain"),
    )
