"""Routes that ask every service and answer once: dead letters, what is done with them, and invariants."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import bodies, dead_letters, parameters
from farandole.http.dead_letters import Handled
from farandole.http.invariants import InvariantAnswer
from farandole.http.letters import COUNTED, DeadLetterAnswer, DeadLetters, Groups
from farandole.http.origins import own_site
from farandole.http.problems import FieldError, Problem, invalid, unknown
from farandole.http.routes import Route, get, json
from farandole.messaging.envelope import microseconds

SECONDS: Final = 40.0
"""The longest wait for a service behind the door: longer than the longest `Prefer: wait`."""
TAG: Final = "operations"
_HERE: Final = "[a-z]{1,32}/[A-Za-z0-9_-]{0,200}"
"""How far letters of all services were handled: those before this one wholly, of this one up to a place."""

Branches = Mapping[str, httpx.AsyncClient]
"""A client for each service behind the door, by the service's name."""
Headers = Sequence[tuple[bytes, bytes]]


def routes(branches: Branches) -> tuple[Route, ...]:
    """Operations over all services at once."""

    async def listed(request: Request) -> Response:
        limit = parameters.limit(request)
        query = dict(request.query_params) | {"limit": str(limit)}
        return json(await letters(branches, query, limit))

    async def grouped(_: Request) -> Response:
        return json(await groups(branches))

    async def one(request: Request) -> Response:
        """The answer of the only service that knows the letter."""
        if request.method == "POST":
            own_site(request)
        parameters.path_id(request, "dead_letter_id")
        path = request.scope["path"]
        content = await bodies.read(request) if path.endswith("/discard") else b""
        more = {"headers": _said(request), "content": content, "params": request.query_params}
        return passed_on(await found(branches, request.method, path, **more))

    async def replays(request: Request) -> Response:
        own_site(request)
        return json(await several(branches, "replays", dict(request.query_params), _said(request)))

    async def discards(request: Request) -> Response:
        own_site(request)
        return json(await several(branches, "discards", dict(request.query_params), _said(request)))

    async def checked(_: Request) -> Response:
        answers = await asyncio.gather(*(ask(client, "GET", "/api/invariants") for client in branches.values()))
        return json(
            _merged([msgspec.json.decode(a.content, type=list[InvariantAnswer]) for a in answers if a.is_success])
        )

    do = dead_letters.Endpoints(listed, grouped, one, one, one, one, replays, discards)
    return (
        *dead_letters.routes(do),
        get("/api/invariants", checked, "What must always hold", tag=TAG, answer=list[InvariantAnswer]),
    )


def _said(request: Request) -> Headers:
    return [(name, value) for name, value in request.scope["headers"] if name in (b"x-actor", b"content-type")]


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


async def letters(branches: Branches, query: Mapping[str, str], limit: int) -> DeadLetters:
    """One page of the letters of all services."""
    pages = [msgspec.json.decode(a, type=DeadLetters) for a in await _ask_all(branches, "/api/dead-letters", query)]
    items = _merged_letters(pages)
    more = len(items) > limit or any(page.next_cursor for page in pages)
    last = items[min(limit, len(items)) - 1] if items else None
    cursor = parameters.write_cursor(f"{microseconds(last.parked_at)}/{last.id}") if more and last else None
    return DeadLetters(tuple(items[:limit]), cursor)


async def groups(branches: Branches) -> Groups:
    """Open letters of all services by cause, the largest group first."""
    pages = [msgspec.json.decode(a, type=Groups) for a in await _ask_all(branches, "/api/dead-letters/groups", {})]
    found = sorted((g for page in pages for g in page.items), key=lambda g: (-g.letters, g.cause))
    return Groups(tuple(found), any(page.more for page in pages))


async def found(branches: Branches, method: str, path: str, **more: Any) -> httpx.Response:
    """The answer of the only service that knows a letter; 404 where none does, 503 where one that may cannot be asked."""
    away: Problem | None = None
    for client in branches.values():
        try:
            answer = await ask(client, method, path, **more)
        except Problem as problem:
            away = problem
            continue
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            away = Problem(503, f"{client.base_url} cannot answer now", headers={"Retry-After": "1"})
        elif answer.status_code != httpx.codes.NOT_FOUND:
            return answer
    raise away or unknown("dead letter")


async def several(branches: Branches, what: str, query: Mapping[str, str], headers: Headers) -> Handled:
    """Handle letters of the first service that has some, from where the last request left off."""
    names = list(branches)
    number, inner = _begin(query.get("cursor"), names)
    asked = {name: value for name, value in query.items() if name != "cursor"}
    while True:
        more = {"cursor": inner} if inner else {}
        answer = await ask(
            branches[names[number]], "POST", f"/api/dead-letters/{what}", params=asked | more, headers=headers
        )
        part = msgspec.json.decode(_good(answer), type=Handled)
        if part.done or part.failed or part.next_cursor or number == len(names) - 1:
            break
        number, inner = number + 1, ""
    others = await asyncio.gather(*(_open(branches[name], query.get("cause")) for name in names[number + 1 :]))
    place = f"{names[number]}/{part.next_cursor}" if part.next_cursor else None
    if place is None and any(others):
        place = f"{names[number + 1]}/"
    return msgspec.structs.replace(
        part, left=min(part.left + sum(others), COUNTED), next_cursor=place and parameters.write_cursor(place)
    )


def _begin(cursor: str | None, names: Sequence[str]) -> tuple[int, str]:
    """The service to go on with, and its own cursor."""
    if cursor is None:
        return 0, ""
    service, _, inner = parameters.place(cursor, _HERE).partition("/")
    if service not in names:
        raise invalid(FieldError("cursor", "expected the next_cursor of another answer"))
    return names.index(service), inner


async def _open(client: httpx.AsyncClient, cause: str | None) -> int:
    page = msgspec.json.decode(_good(await ask(client, "GET", "/api/dead-letters/groups")), type=Groups)
    return sum(group.letters for group in page.items if cause in (None, group.cause))


async def _ask_all(branches: Branches, path: str, query: Mapping[str, str]) -> list[bytes]:
    asked = (ask(client, "GET", path, params=query) for client in branches.values())
    return [_good(answer) for answer in await asyncio.gather(*asked)]


def _good(answer: httpx.Response) -> bytes:
    """What was answered; its problem where there was one."""
    if not answer.is_success:
        problem = answer.json()
        raise Problem(answer.status_code, problem.get("detail"), errors=problem.get("errors", ()))
    return answer.content


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
