"""What a request says outside its body: query parameters, cursors, and the headers Idempotency-Key and Prefer."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request

from farandole.contract.events import UUID
from farandole.http.problems import FieldError, invalid, unknown

MOST: Final = 200
USUAL: Final = 50
LONGEST_WAIT: Final = 30
_VISIBLE: Final = r"[^\u0000-\u0020\u007f-\u00a0]"
KEY_PATTERN: Final = rf"^{_VISIBLE}([^\u0000-\u001f\u007f-\u009f]{{0,126}}{_VISIBLE})?$"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as OpenAPI describes it; `place` is query, path or header."""

    name: str
    place: str = "query"
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    description: str = ""


CURSOR_PARAMETER: Final = Parameter(
    "cursor", schema={"type": "string", "contentEncoding": "base64url"}, description="`next_cursor` of the page before"
)
LIMIT_PARAMETER: Final = Parameter(
    "limit", schema={"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, description="items a page"
)
PAGE: Final = (LIMIT_PARAMETER, CURSOR_PARAMETER)
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": KEY_PATTERN},
    "the same key with the same content is done once and answered alike; with other content it is refused",
)
ACTOR: Final = Parameter(
    "X-Actor",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": KEY_PATTERN, "default": "unknown"},
    "who does it, kept with what was done",
)
PREFER: Final = Parameter(
    "Prefer", "header", {"type": "string", "examples": ["wait=10"]}, "RFC 7240 `wait=N`, at most 30 s; else ignored"
)


def limit(request: Request) -> int:
    """How many items a page has; 422 unless 1 to 200."""
    text = request.query_params.get("limit")
    if text is None:
        return USUAL
    if re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= MOST:
        return int(text)
    raise invalid(FieldError("limit", f"expected an integer 1 to {MOST}"))


def write_cursor(place: str) -> str:
    """An opaque name for a place in a list."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(request: Request, pattern: str = UUID) -> str | None:
    """The place that a cursor names, None without one; 422 unless it was written here."""
    text = request.query_params.get("cursor")
    return None if text is None else place(text, pattern)


def place(text: str, pattern: str) -> str:
    """The place that a cursor names; 422 unless it was written here."""
    try:
        place = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        place = ""
    if write_cursor(place) != text or not re.fullmatch(pattern, place) or place.endswith("\n"):
        raise invalid(FieldError("cursor", "expected the next_cursor of another page"))
    return place


def choice(request: Request, name: str, choices: Iterable[str]) -> str | None:
    """A query parameter that takes one of a few values; 422 otherwise."""
    text, known = request.query_params.get(name), [str(c) for c in choices]
    if text is None or text in known:
        return text
    raise invalid(FieldError(name, f"expected one of {', '.join(known)}"))


def matching(request: Request, name: str, pattern: str) -> str | None:
    """A query parameter of a certain form; 422 otherwise."""
    text = request.query_params.get(name)
    if text is None or fits(pattern, text):
        return text
    raise invalid(FieldError(name, f"expected text of the form {pattern}"))


def path_id(request: Request, name: str, pattern: str = UUID) -> str:
    """The id in a path; 404 unless it could be one."""
    text = str(request.path_params[name])
    if not fits(pattern, text):
        raise unknown(name.removesuffix("_id").replace("_", " "))
    return text


def fits(pattern: str, text: str) -> bool:
    """Whether all of a text, a final newline included, has a form."""
    return re.fullmatch(pattern, text) is not None and not text.endswith("\n")


def header(request: Request, name: bytes) -> list[str]:
    """Every value of a header, its name in lower case; quicker than the framework's mapping of all headers."""
    return [value.decode("latin-1") for found, value in request.scope["headers"] if found == name]


def idempotency_key(request: Request) -> str | None:
    """The customer's own key for a command; 422 unless 1 to 128 printable characters."""
    return _printable(request, "Idempotency-Key", b"idempotency-key")


def actor(request: Request) -> str:
    """Who asks, as they say themselves; 422 unless 1 to 128 printable characters."""
    return _printable(request, "X-Actor", b"x-actor") or "unknown"


def _printable(request: Request, shown: str, name: bytes) -> str | None:
    found = header(request, name)
    if not found:
        return None
    text = _utf8(found[0])
    if len(found) == 1 and len(text) <= 128 and fits(KEY_PATTERN, text):
        return text
    raise invalid(FieldError(shown, "expected one text of 1 to 128 printable characters"))


def _utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def wait(request: Request) -> int | None:
    """Seconds a customer is willing to wait, at most 30; None without a well-formed `Prefer: wait=N` (RFC 7240)."""
    for preference in ",".join(header(request, b"prefer")).split(","):
        name, equals, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() != "wait":
            continue
        digits = value.strip().strip('"')
        if not equals or not re.fullmatch("[0-9]{1,20}", digits):
            return None
        return min(int(digits), LONGEST_WAIT)
    return None
