"""Problem details (RFC 9457) as one line and an exit code."""

import re
from typing import TYPE_CHECKING, Final

from farandole.cli.exits import No, Unreachable
from farandole.cli.output import printable

if TYPE_CHECKING:
    import httpx

NO_STATUSES: Final = (404, 409)


class NotYet(No):
    """Nobody has heard of it so far; the server says when to ask again."""

    def __init__(self, message: str, retry_seconds: int) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


def failure(response: "httpx.Response", refusals: tuple[int, ...] = NO_STATUSES) -> No | Unreachable:
    """An answer other than 2xx as one line, every wrong field named."""
    said = f"{response.status_code} {response.reason_phrase}"
    try:
        problem = response.json()
        parts = [problem.get("detail") or problem.get("title") or said]
        parts += [f"{wrong['field']}: {wrong['message']}" for wrong in problem.get("errors", [])]
    except (ValueError, AttributeError, KeyError, TypeError):
        parts = [f"expected problem details, found {said}"]
    line = "; ".join(printable(part) for part in parts)
    if response.status_code == 404 and re.fullmatch("[0-9]", later := response.headers.get("retry-after", "")):
        return NotYet(line, int(later))
    return No(line) if response.status_code in refusals else Unreachable(line)
