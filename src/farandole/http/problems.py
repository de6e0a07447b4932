"""Every error leaves as `application/problem+json` (RFC 9457), the framework's own included; none tells internals."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from farandole.messaging.failure import Refused, Transient

PROBLEM_JSON: Final = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: its path, such as `lines[1].quantity`, and what was expected of it."""

    field: str
    message: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457: why a request was not answered as asked."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()


class Problem(Exception):
    """A request that is answered with a status and its reason."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail or title or str(status))
        self.status = status
        self.detail = detail
        self.title = title or phrase(status)
        self.headers = headers
        self.errors = tuple(errors)


def unknown(what: str) -> Problem:
    """404 for something that is not here."""
    return Problem(404, f"expected a known {what}, found none here")


def invalid(*errors: FieldError) -> Problem:
    """422 that names every wrong field."""
    return Problem(422, "the request is well-formed but not valid", errors=errors)


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def respond(problem: Problem) -> Response:
    """The response that carries a problem."""
    details = ProblemDetails(title=problem.title, status=problem.status, detail=problem.detail, errors=problem.errors)
    body = b'{"type":"about:blank",' + msgspec.json.encode(details)[1:]
    return Response(body, problem.status, dict(problem.headers or {}), PROBLEM_JSON)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return respond(error)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = None if error.detail == phrase(error.status_code) else error.detail
    return respond(Problem(error.status_code, detail, headers=error.headers))


async def _transient(_: Request, __: Exception) -> Response:
    return respond(Problem(503, "something this service needs is away; ask again", headers={"Retry-After": "1"}))


async def _refused(_: Request, error: Exception) -> Response:
    return respond(Problem(422, str(error)))


async def _gone(_: Request, __: Exception) -> Response:
    return respond(Problem(400, "expected a whole request, found a closed connection"))


async def _bug(_: Request, __: Exception) -> Response:
    return respond(Problem(500, "something went wrong here; it is not your fault"))


HANDLERS: Final[Mapping[Any, ExceptionHandler]] = {
    HTTPException: _http,
    Problem: _problem,
    Transient: _transient,
    Refused: _refused,
    ClientDisconnect: _gone,
    Exception: _bug,
}
