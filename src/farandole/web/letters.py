"""Dead letters, to look at and to handle: by cause, in pages, and one with its bytes and its history."""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import parameters
from farandole.http.letters import STATES, DeadLetterAnswer, LetterAnswer
from farandole.http.problems import Problem
from farandole.http.routes import Route, get, post
from farandole.web import branches as door
from farandole.web import forms
from farandole.web.branches import Branches
from farandole.web.layout import page
from farandole.web.sources import Sources

T = TypeVar("T")
PAGE: Final = 25
SOME: Final = 50
"""Letters that one press of a button handles."""
DUMPED: Final = 2048
"""Bytes of a value that are shown in hexadecimal."""
READ: Final = 64 * 1024
"""Characters of a value that are shown."""
_SHOWN: Final = ("state", "cause", "key", "cursor")
_TOLD: Final = ("what", "done", "failed", "left", "next", "error", "reason", "actor")


def routes(sources: Sources) -> tuple[Route, ...]:
    all_of = sources.branches

    async def listed(request: Request) -> Response:
        wanted = {name: value for name in _SHOWN if (value := request.query_params.get(name))}
        groups = await _each(all_of, door.groups)
        reachable = {name: client for name, client in all_of.items() if name in groups}
        query: dict[str, str] = {"state": "OPEN", "limit": str(PAGE)}
        query |= wanted
        if query["state"] == "ALL":
            del query["state"]
        found = await door.letters(reachable, query, PAGE)
        causes = sorted((g for part in groups.values() for g in part.items), key=lambda g: (-g.letters, g.cause))
        told = {name: request.query_params.get(name, "") for name in _TOLD}
        away = sorted(set(all_of) - set(reachable))
        return page(
            "dead_letters.html",
            groups=causes,
            more=any(part.more for part in groups.values()),
            letters=found,
            query=wanted,
            states=STATES,
            told=told,
            away=away,
        )

    async def one(request: Request) -> Response:
        return await _shown(all_of, request)

    async def preview(request: Request) -> Response:
        await forms.read(request)
        path = f"/api/dead-letters/{_id(request)}/preview"
        answer = await door.found(all_of, "POST", path)
        return await _shown(all_of, request, preview=answer.json(), failed=not answer.is_success)

    async def replay(request: Request) -> Response:
        fields = await forms.read(request)
        path = f"/api/dead-letters/{_id(request)}"
        query = forms.why(fields)
        answer = await door.found(all_of, "POST", f"{path}/replay", params=query, headers=forms.who(fields))
        return _done(request, answer)

    async def discard(request: Request) -> Response:
        fields = await forms.read(request)
        path, body = f"/api/dead-letters/{_id(request)}/discard", forms.why(fields, required=True)
        return _done(request, await door.found(all_of, "POST", path, json=body, headers=forms.who(fields)))

    def several(what: str) -> forms.Endpoint:
        async def handled(request: Request) -> Response:
            fields = await forms.read(request)
            query = {"limit": str(SOME), **forms.why(fields, required=what == "discards")}
            query |= {name: fields[name] for name in ("cause", "cursor") if name in fields}
            done = await door.several(all_of, what, query, forms.who(fields))
            told: dict[str, str] = {
                "what": what,
                "done": str(done.done + _number(fields.get("done", ""))),
                "failed": str(done.failed + _number(fields.get("failed", ""))),
                "left": str(done.left),
                "next": done.next_cursor or "",
                "error": (done.error or fields.get("error", ""))[:300],
            }
            told |= {name: fields[name] for name in ("cause", "reason", "actor") if name in fields}
            return forms.see("/dead-letters?" + urlencode([(n, v) for n, v in told.items() if v not in ("", "0")]))

        return handled

    base = "/dead-letters"
    html: dict[str, Any] = {"tag": "pages", "answer": str, "media": "text/html"}
    return (
        get(base, forms.shown(listed), "Dead letters, to look at", **html),
        post(f"{base}/replays", forms.shown(several("replays")), "Replay some", **html),
        post(f"{base}/discards", forms.shown(several("discards")), "Discard some", **html),
        get(f"{base}/{{dead_letter_id}}", forms.shown(one), "A dead letter, to look at", **html),
        post(f"{base}/{{dead_letter_id}}/preview", forms.shown(preview), "Preview its replay", **html),
        post(f"{base}/{{dead_letter_id}}/replay", forms.shown(replay), "Replay it", **html),
        post(f"{base}/{{dead_letter_id}}/discard", forms.shown(discard), "Discard it", **html),
    )


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
    return forms.see(f"/dead-letters/{_id(request)}")


async def _shown(branches: Branches, request: Request, preview: Any = None, *, failed: bool = False) -> Response:
    answer = await door.found(branches, "GET", f"/api/dead-letters/{_id(request)}")
    if not answer.is_success:
        raise Problem(answer.status_code, answer.json().get("detail"))
    found = msgspec.json.decode(answer.content, type=LetterAnswer)
    value = b"" if found.letter.value_base64 is None else b64decode(found.letter.value_base64)
    return page(
        "dead_letter.html",
        letter=found.letter,
        history=found.history,
        size=len(value),
        hex="\n".join(dump(value[:DUMPED])),
        dumped=DUMPED,
        text=(found.letter.value or "")[:READ],
        headers=list(_headers(found.letter)),
        preview=preview,
        failed=failed,
        pretty=_pretty,
    )


def dump(value: bytes) -> Iterator[str]:
    """Lines of sixteen bytes: where, in hexadecimal, and as text where it is ASCII."""
    for place in range(0, len(value), 16):
        line = value[place : place + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in line)
        yield f"{place:06x}  {line.hex(' '):<47}  {text}"


def _headers(letter: DeadLetterAnswer) -> Iterator[tuple[str, str]]:
    for name, value in letter.headers:
        content = b64decode(value)
        try:
            yield name, content.decode()
        except UnicodeDecodeError:
            yield name, f"(no text) {content.hex(' ')}"


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
