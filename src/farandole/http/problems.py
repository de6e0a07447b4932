"""Every error leaves as `application/problem+json` (RFC 9457); none tells internals."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response

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


BUG: Final = Problem(500, "something went wrong here; it is not your fault")


def respond(problem: Problem) -> Response:
    """The response that carries a problem."""
    details = ProblemDetails(title=problem.title, status=problem.status, detail=problem.detail, errors=problem.errors)
    body = b'{"type":"about:blank",' + msgspec.json.encode(details)[1:]
    return Response(body, problem.status, dict(problem.headers or {}), PROBLEM_JSON)


def problem_of(error: Exception) -> Problem | None:
    """What a customer is told of an error; None for a bug, of which nothing is told."""
    match error:
        case Problem():
            return error
        case Transient():
            return Problem(503, "something this service needs is away; ask again", headers={"Retry-After": "1"})
        case Refused():
            return Problem(422, str(error))
        case ClientDisconnect():
            return Problem(400, "expected a whole request, found a closed connection")
        case _:
            return None
