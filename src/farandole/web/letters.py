"""Dead letters, to look at and to handle: by cause, in pages, one by one or some at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import parameters
from farandole.http.letters import STATES
from farandole.http.problems import Problem
from farandole.http.routes import Route, get, post
from farandole.web import branches as door
from farandole.web import forms, letter
from farandole.web.branches import Branches
from farandole.web.layout import HTML, page
from farandole.web.sources import Sources

T = TypeVar("T")
PAGE: Final = 25
SOME: Final = 50
"""Letters that one press of a button handles."""
_SHOWN: Final = ("state", "cause", "key", "cursor")
_TOLD: Final = ("what", "done", "failed", "left", "next", "error", "reason", "actor")
_LIST: Final = "/dead-letters"


def routes(sources: Sources) -> tuple[Route, ...]:
    pages, one = LetterPages(sources.branches), f"{_LIST}/{{dead_letter_id}}"
    return (
        get(_LIST, forms.shown(pages.listed), "Dead letters, to look at", **HTML),
        post(f"{_LIST}/replays", forms.shown(partial(pages.several, "replays")), "Replay some", **HTML),
        post(f"{_LIST}/discards", forms.shown(partial(pages.several, "discards")), "Discard some", **HTML),
        get(one, forms.shown(pages.one), "A dead letter, to look at", **HTML),
        post(f"{one}/preview", forms.shown(pages.preview), "Preview its replay", **HTML),
        post(f"{one}/replay", forms.shown(pages.replay), "Replay it", **HTML),
        post(f"{one}/discard", forms.shown(pages.discard), "Discard it", **HTML),
    )


class LetterPages:
    """Every service is asked; the one that knows a letter handles it."""

    def __init__(self, branches: Branches) -> None:
        self._branches = branches

    async def listed(self, request: Request) -> Response:
        """Open letters by cause, and a page of those wanted, of the services that answer."""
        wanted = {name: value for name in _SHOWN if (value := request.query_params.get(name))}
        groups = await _each(self._branches, door.groups)
        reachable = {name: client for name, client in self._branches.items() if name in groups}
        query = {"state": "OPEN", "limit": str(PAGE)} | wanted
        if query["state"] == "ALL":
            del query["state"]
        return page(
            "dead_letters.html",
            groups=sorted((g for part in groups.values() for g in part.items), key=lambda g: (-g.letters, g.cause)),
            more=any(part.more for part in groups.values()),
            letters=await door.letters(reachable, query, PAGE),
            query=wanted,
            states=STATES,
            told={name: request.query_params.get(name, "") for name in _TOLD},
            away=sorted(set(self._branches) - set(reachable)),
        )

    async def several(self, what: str, request: Request) -> Response:
        """Handles some letters, and goes back to the list, which tells what became of them so far."""
        fields = await forms.read(request)
        query = {"limit": str(SOME), **forms.why(fields, required=what == "discards")}
        query |= {name: fields[name] for name in ("cause", "cursor") if name in fields}
        done = await door.several(self._branches, what, query, forms.who(fields))
        told: dict[str, str] = {
            "what": what,
            "done": str(done.done + _number(fields.get("done", ""))),
            "failed": str(done.failed + _number(fields.get("failed", ""))),
            "left": str(done.left),
            "next": done.next_cursor or "",
            "error": (done.error or fields.get("error", ""))[:300],
        }
        told |= {name: fields[name] for name in ("cause", "reason", "actor") if name in fields}
        return forms.see(f"{_LIST}?" + urlencode([(n, v) for n, v in told.items() if v not in ("", "0")]))

    async def one(self, request: Request) -> Response:
        return letter.drawn(await self._found(request))

    async def preview(self, request: Request) -> Response:
        await forms.read(request)
        answer = await self._asked(request, "preview")
        return letter.drawn(await self._found(request), answer.json(), failed=not answer.is_success)

    async def replay(self, request: Request) -> Response:
        fields = await forms.read(request)
        query = forms.why(fields)
        return _done(request, await self._asked(request, "replay", params=query, headers=forms.who(fields)))

    async def discard(self, request: Request) -> Response:
        fields = await forms.read(request)
        reason = forms.why(fields, required=True)
        return _done(request, await self._asked(request, "discard", json=reason, headers=forms.who(fields)))

    async def _found(self, request: Request) -> httpx.Response:
        return await door.found(self._branches, "GET", f"/api/dead-letters/{_id(request)}")

    async def _asked(self, request: Request, what: str, **more: Any) -> httpx.Response:
        return await door.found(self._branches, "POST", f"/api/dead-letters/{_id(request)}/{what}", **more)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _id(request: Request) -> str:
    return parameters.path_id(request, "dead_letter_id")


async def _each(branches: Branches, ask: Callable[[Branches], Awaitable[T]]) -> dict[str, T]:
    """What each service answers; those that do not are left out."""
    answers = await asyncio.gather(*(ask({n: c}) for n, c in branches.items()), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return {
        name: answer for name, answer in zip(branches, answers, strict=True) if not isinstance(answer, BaseException)
    }


def _done(request: Request, answer: httpx.Response) -> Response:
    """Back to the letter, whose history tells what became of it; a refusal that left no trace is told at once."""
    if answer.status_code not in (200, 422):
        problem = answer.json()
        raise Problem(answer.status_code, problem.get("detail"))
    return forms.see(f"{_LIST}/{_id(request)}")
