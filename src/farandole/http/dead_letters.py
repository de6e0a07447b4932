"""What an operator asks about dead letters and does with them: of one service here, of all at the front door."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import END, UUID
from farandole.http import bodies, letters, parameters
from farandole.http.desk import Desk
from farandole.http.letters import STATES, DeadLetters, Groups, LetterAnswer, Wanted
from farandole.http.origins import own_site
from farandole.http.parameters import Parameter
from farandole.http.problems import FieldError, Problem, invalid, unknown
from farandole.http.routes import Endpoint, Route, get, json, post
from farandole.messaging.causes import SUBJECT
from farandole.messaging.dead_letters import By
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.preview import Preview

T = TypeVar("T")
TAG: Final = "operations"
PLACE: Final = rf"[0-9]{{1,18}}/{UUID.removeprefix('^').removesuffix(END)}"
CAUSE: Final = "^([0-9a-f]{16}|none)$"
KEY: Final = rf"^[^\u0000-\u001f\u007f-\u009f]{{1,{SUBJECT}}}$"
REASON: Final = r"^[^\u0000-\u001f\u007f-\u009f]{1,500}$"
SECONDS: Final = 5
"""The longest that letters are handled in one request, the one under way apart."""
BY_CAUSE: Final = Parameter(
    "cause", schema={"type": "string", "pattern": CAUSE}, description="only those of this cause"
)
WHY: Final = Parameter(
    "reason", schema={"type": "string", "pattern": REASON}, description="why, kept with what is done"
)
FILTERS: Final = (
    Parameter("state", schema={"type": "string", "enum": [*STATES]}, description="only those that stand so"),
    BY_CAUSE,
    Parameter("key", schema={"type": "string", "pattern": KEY}, description="only those with this key: an order's id"),
)


class Replayed(msgspec.Struct, frozen=True):
    id: str
    outcome: str


class Discard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(pattern=REASON, description="1 to 500 printable characters")]


class RowChange(msgspec.Struct, frozen=True):
    """`before` is null for a new row."""

    table: str
    before: dict[str, Any] | None
    after: dict[str, Any]


class Leaving(msgspec.Struct, frozen=True):
    topic: str
    key: str
    headers: tuple[tuple[str, str], ...]
    value: str


class PreviewAnswer(msgspec.Struct, frozen=True):
    """What a replay would do now; nothing was changed."""

    id: str
    changes: tuple[RowChange, ...]
    says: Leaving | None


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What one request did; the next goes on at `next_cursor`. `left` counts no further than `counted_to`."""

    done: int
    failed: int
    left: int
    counted_to: int = letters.COUNTED
    next_cursor: str | None
    error: str | None


class Endpoints(NamedTuple):
    """Who answers each route."""

    listed: Endpoint
    grouped: Endpoint
    show: Endpoint
    preview: Endpoint
    replay: Endpoint
    discard: Endpoint
    replays: Endpoint
    discards: Endpoint


def dead_letters(desk: Desk) -> tuple[Route, ...]:
    """The dead letters of one service."""

    async def listed(request: Request) -> Response:
        wanted, limit = wishes(request), parameters.limit(request)
        before = parameters.read_cursor(request, PLACE)
        page, more = await desk.read(lambda transaction: letters.page(transaction, wanted, before, limit))
        cursor = parameters.write_cursor(f"{page[-1].parked_at}/{page[-1].id}") if more else None
        return json(DeadLetters(tuple(letters.answer(row, desk.service) for row in page), cursor))

    async def grouped(_: Request) -> Response:
        return json(await desk.read(lambda transaction: letters.groups(transaction, desk.service)))

    async def show(request: Request) -> Response:
        letter_id = parameters.path_id(request, "dead_letter_id")
        found = await desk.read(lambda transaction: letters.one(transaction, letter_id, desk.service))
        if found is None:
            raise unknown("dead letter")
        return json(found)

    async def preview(request: Request) -> Response:
        own_site(request)
        letter_id = parameters.path_id(request, "dead_letter_id")
        return json(_preview(letter_id, await _sorted(desk.preview(letter_id))))

    async def replay(request: Request) -> Response:
        own_site(request)
        letter_id, by = parameters.path_id(request, "dead_letter_id"), who(request)
        return json(Replayed(letter_id, await _sorted(desk.replay(letter_id, by))))

    async def discard(request: Request) -> Response:
        own_site(request)
        letter_id, actor = parameters.path_id(request, "dead_letter_id"), parameters.actor(request)
        why = bodies.decode(await bodies.read(request), Discard)
        await _sorted(desk.discard(letter_id, By(actor, why.reason)))
        return json(Replayed(letter_id, "discarded"))

    async def replays(request: Request) -> Response:
        return json(await _several(desk, request, desk.replay))

    async def discards(request: Request) -> Response:
        return json(await _several(desk, request, desk.discard))

    return routes(Endpoints(listed, grouped, show, preview, replay, discard, replays, discards))


def routes(do: Endpoints) -> tuple[Route, ...]:
    """The routes to dead letters, of one service or of all."""
    base, one = "/api/dead-letters", "/api/dead-letters/{dead_letter_id}"
    list_of = (*FILTERS, *parameters.PAGE)
    acting: dict[str, Any] = {"tag": TAG, "problems": (403, 409, 422)}
    several: dict[str, Any] = {"tag": TAG, "problems": (403, 422), "answer": Handled}
    some = (BY_CAUSE, *parameters.PAGE, parameters.ACTOR)
    return (
        get(base, do.listed, "List parked records, newest first", tag=TAG, answer=DeadLetters, parameters=list_of),
        get(f"{base}/groups", do.grouped, "Open dead letters by cause", tag=TAG, answer=Groups),
        post(
            f"{base}/replays",
            do.replays,
            "Try open dead letters again, oldest first: some a request",
            parameters=(*some, WHY),
            **several,
        ),
        post(
            f"{base}/discards",
            do.discards,
            "Discard open dead letters, oldest first: some a request; a reason is required",
            parameters=(*some, WHY),
            **several,
        ),
        get(one, do.show, "Show a dead letter and what was done with it", tag=TAG, answer=LetterAnswer),
        post(f"{one}/preview", do.preview, "What a replay would do, changing nothing", answer=PreviewAnswer, **acting),
        post(
            f"{one}/replay",
            do.replay,
            "Try a parked record again",
            answer=Replayed,
            parameters=(WHY, parameters.ACTOR),
            **acting,
        ),
        post(
            f"{one}/discard",
            do.discard,
            "Set a parked record aside for good; it is kept",
            body=Discard,
            answer=Replayed,
            parameters=(parameters.ACTOR,),
            **acting,
        ),
    )


def wishes(request: Request) -> Wanted:
    """Which letters a request asks for; 422 where that cannot be."""
    state, cause = parameters.choice(request, "state", STATES), parameters.matching(request, "cause", CAUSE)
    return Wanted(state, cause, parameters.matching(request, "key", KEY))


def who(request: Request) -> By:
    """Who asks for something to be done, and why."""
    return By(parameters.actor(request), parameters.matching(request, "reason", REASON) or "")


async def _several(desk: Desk, request: Request, act: Callable[[str, By], Awaitable[object]]) -> Handled:
    """Handle open letters one by one, oldest first, as many as are asked for and as time allows."""
    own_site(request)
    by, cause = who(request), parameters.matching(request, "cause", CAUSE)
    if act == desk.discard and not by.reason:
        raise invalid(FieldError("reason", "expected why they are discarded"))
    limit, after = parameters.limit(request), parameters.read_cursor(request, PLACE)
    found = await desk.read(lambda transaction: letters.oldest(transaction, cause, after, limit))
    done, errors, until = 0, [], desk.now() + SECONDS * 1_000_000
    for letter_id, place in found:
        after = place
        try:
            await act(letter_id, by)
            done += 1
        except Poison as poison:
            errors.append(str(poison))
        except Refused:
            continue  # somebody else was quicker
        if desk.now() > until:
            break
    left = await desk.read(lambda transaction: letters.count(transaction, cause, after))
    return Handled(
        done=done,
        failed=len(errors),
        left=min(left, letters.COUNTED),
        next_cursor=parameters.write_cursor(after) if left and after else None,
        error=errors[-1] if errors else None,
    )


async def _sorted(work: Awaitable[T]) -> T:
    """The outcome of work on one letter, or its problem."""
    try:
        return await work
    except KeyError:
        raise unknown("dead letter") from None
    except Refused as refusal:
        raise Problem(409, str(refusal)) from None
    except Poison as poison:
        raise Problem(422, str(poison)) from None


def _preview(letter_id: str, found: Preview) -> PreviewAnswer:
    return PreviewAnswer(
        letter_id,
        tuple(RowChange(*change) for change in found.changes),
        None if found.says is None else _leaving(found.says),
    )


def _leaving(message: Message) -> Leaving:
    headers = tuple((name, value.decode()) for name, value in message.headers)
    return Leaving(message.topic, message.key, headers, message.value.decode())
