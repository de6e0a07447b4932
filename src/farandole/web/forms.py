"""Forms of pages: from this address only, bounded, and answered with a page."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from farandole.http import bodies, parameters
from farandole.http.dead_letters import REASON
from farandole.http.origins import own_site
from farandole.http.problems import FieldError, Problem, invalid, problem_of
from farandole.web.branches import Headers
from farandole.web.layout import page

Endpoint = Callable[[Request], Awaitable[Response]]
FORM = "application/x-www-form-urlencoded"


async def read(request: Request) -> dict[str, str]:
    """The fields of a form that a page of this address sent, those left empty left out; 400, 403, 413, 415 otherwise."""
    own_site(request)
    content = await bodies.read(request, media=FORM)
    try:
        fields = parse_qsl(content.decode(), strict_parsing=bool(content), max_num_fields=20, errors="strict")
    except ValueError:
        raise Problem(400, "expected the fields of a form in UTF-8") from None
    return {name: value for name, value in fields if value}


def who(fields: dict[str, str]) -> Headers:
    """Who filled a form in, as the services' routes take it."""
    actor = fields.get("actor")
    if actor is None:
        return ()
    if len(actor) > 128 or not parameters.fits(parameters.KEY_PATTERN, actor):
        raise invalid(FieldError("actor", "expected one text of 1 to 128 printable characters"))
    return ((b"x-actor", actor.encode()),)


def why(fields: dict[str, str], *, required: bool = False) -> dict[str, str]:
    """Why it is done, as a parameter."""
    reason = fields.get("reason")
    if reason is None and not required:
        return {}
    if reason is None or not parameters.fits(REASON, reason):
        raise invalid(FieldError("reason", "expected 1 to 500 printable characters"))
    return {"reason": reason}


def shown(endpoint: Endpoint) -> Endpoint:
    """The same endpoint, whose problems are pages."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            return page("problem.html", problem.status, problem=problem)

    return answered


def see(address: str) -> Response:
    """Where to look after something was done."""
    return RedirectResponse(address, 303)
