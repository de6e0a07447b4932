"""Pages from one frame: escaped, with no script or style of their own, and complete without any other server."""

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from farandole.web import assets

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "HX-Request",
}
HTML: Final[Mapping[str, Any]] = {"tag": "pages", "answer": str, "media": "text/html"}
"""What the route of a page says of it."""


def _moment(at: str) -> Markup:
    """A time of RFC 3339, shown to the second."""
    return Markup('<time datetime="{}">{}Z</time>').format(at, at[:19])


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("farandole.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["asset"] = assets.address
_ENVIRONMENT.filters["moment"] = _moment


def page(template: str, status: int = 200, **context: Any) -> Response:
    """A whole page, or (templates whose name begins with `_`) a piece of one."""
    return HTMLResponse(render(template, context), status, HEADERS)


def render(template: str, context: Mapping[str, Any]) -> str:
    return _ENVIRONMENT.get_template(template).render(context)


def partial(request: Request) -> bool:
    """Whether a script asks for a piece of the page that is shown already."""
    return request.headers.get("hx-request") == "true"
