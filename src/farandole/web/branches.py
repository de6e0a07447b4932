"""Routes that ask every service and answer once: dead letters, replays and invariants."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import parameters
from farandole.http.dead_letters import DeadLetterAnswer, DeadLetters, dead_letter_routes
from farandole.http.invariants import InvariantAnswer
from farandole.http.problems import Problem, unknown
from farandole.http.routes import Route, get, json
from farandole.messaging.envelope import microseconds

SECONDS: Final = 40.0
"""The longest wait for a service behind the door: longer than the longest `Prefer: wait`."""
TAG: Final = "operations"

Branches = Mapping[str, httpx.AsyncClient]
"""A client for each service behind the door, by the service's name."""


def routes(branches: Branches) -> tuple[Route, ...]:
    """Operations over all services at once."""

    async def letters(request: Request) -> Response:
        limit = parameters.limit(request)
        query = dict(request.query_params) | {"limit": str(limit)}
        pages = [msgspec.json.decode(answer.content, type=DeadLetters) for answer in await _ask_all(branches, query)]
        items = _merged_letters(pages)
        more = len(items) > limit or any(page.next_cursor for page in pages)
        last = items[min(limit, len(items)) - 1] if items else None
        cursor = parameters.write_cursor(f"{microseconds(last.parked_at)}/{last.id}") if more and last else None
        return json(DeadLetters(tuple(items[:limit]), cursor))

    async def replay(request: Request) -> Response:
        letter_id = parameters.path_id(request, "dead_letter_id")
        for client in branches.values():
            answer = await ask(client, "POST", f"/api/dead-letters/{letter_id}/replay")
            if answer.status_code != httpx.codes.NOT_FOUND:
                return passed_on(answer)
        raise unknown("dead letter")

    async def checked(_: Request) -> Response:
        answers = await asyncio.gather(*(ask(client, "GET", "/api/invariants") for client in branches.values()))
        return json(
            _merged([msgspec.json.decode(a.content, type=list[InvariantAnswer]) for a in answers if a.is_success])
        )

    return (
        *dead_letter_routes(letters, replay),
        get("/api/invariants", checked, "What must always hold", tag=TAG, answer=list[InvariantAnswer]),
    )


async def ask(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """A service's answer; 503 while it cannot be reached."""
    try:
        return await client.request(method, path, timeout=SECONDS, **more)
    except httpx.HTTPError:
        raise Problem(503, f"{client.base_url} does not answer", headers={"Retry-After": "1"}) from None


def passed_on(answer: httpx.Response) -> Response:
    """The same answer, to the one who asked at the door."""
    kept = ("content-type", "location", "retry-after", "preference-applied", "allow", "cache-control")
    headers = {name: answer.headers[name] for name in kept if name in answer.headers}
    return Response(answer.content, answer.status_code, headers)


async def _ask_all(branches: Branches, query: Mapping[str, str]) -> list[httpx.Response]:
    asked = (ask(client, "GET", "/api/dead-letters", params=query) for client in branches.values())
    answers = await asyncio.gather(*asked)
    for answer in answers:
        if not answer.is_success:
            problem = answer.json()
            raise Problem(answer.status_code, problem.get("detail"), errors=problem.get("errors", ()))
    return answers


def _merged_letters(pages: Sequence[DeadLetters]) -> list[DeadLetterAnswer]:
    """Newest first, no further back than where a page breaks off that goes on: what it has next may be newer."""
    breaks = [_newest_first(page.items[-1]) for page in pages if page.next_cursor]
    items = sorted((item for page in pages for item in page.items), key=_newest_first, reverse=True)
    return [item for item in items if not breaks or _newest_first(item) >= max(breaks)]


def _newest_first(item: DeadLetterAnswer) -> tuple[str, str]:
    return item.parked_at, item.id


def _merged(answers: Sequence[Sequence[InvariantAnswer]]) -> list[InvariantAnswer]:
    """One finding an invariant: the worst that anybody observed, null where nobody can."""
    found: dict[str, InvariantAnswer] = {}
    for answer in (one for several in answers for one in several):
        known = found.setdefault(answer.id, answer)
        if answer.violations is not None and (known.violations is None or answer.violations > known.violations):
            found[answer.id] = answer
    return list(found.values())
