"""What an operator asks about the dead letters of one service."""

import base64
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import END, UUID
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.parameters import Parameter
from farandole.http.problems import Problem, unknown
from farandole.http.routes import Endpoint, Route, get, json, post
from farandole.messaging.causes import SUBJECT
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.kernel_tables import DISCARDED, KERNEL, OPEN, REPLAYED, DeadLetter

_PLACE: Final = rf"[0-9]{{1,18}}/{UUID.removeprefix('^').removesuffix(END)}"
PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of parked values after which a page ends, however few they are."""
TAG: Final = "operations"
STATES: Final = (OPEN, REPLAYED, DISCARDED)
CAUSE: Final = "^[0-9a-f]{16}$"
KEY: Final = rf"^[^\u0000-\u001f\u007f-\u009f]{{1,{SUBJECT}}}$"
FILTERS: Final = (
    Parameter("state", schema={"type": "string", "enum": [*STATES]}, description="only those that stand so"),
    Parameter("cause", schema={"type": "string", "pattern": CAUSE}, description="only those parked for this cause"),
    Parameter("key", schema={"type": "string", "pattern": KEY}, description="only those with this key: an order's id"),
)


class Origin(msgspec.Struct, frozen=True):
    topic: str
    partition: int
    offset: int


class DeadLetterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record; `key` and `value` are null where the bytes are not text in UTF-8."""

    id: str
    service: str
    state: str
    cause: str
    origin: Origin
    key: str | None
    value: str | None
    value_base64: str | None
    headers: tuple[tuple[str, str], ...]
    error: str
    parked_at: str
    replayed_at: str | None
    outcome: str | None


class DeadLetters(msgspec.Struct, frozen=True):
    items: tuple[DeadLetterAnswer, ...]
    next_cursor: str | None


class Replayed(msgspec.Struct, frozen=True):
    id: str
    outcome: str


class Wanted(NamedTuple):
    """Which letters a list shows."""

    state: str | None = None
    cause: str | None = None
    subject: str | None = None


def dead_letters(desk: Desk) -> tuple[Route, ...]:
    """Parked records, and another try for each."""

    async def listed(request: Request) -> Response:
        wanted, limit = wishes(request), parameters.limit(request)
        before = parameters.read_cursor(request, _PLACE)
        page, more = await desk.read(lambda transaction: _page(transaction, wanted, before, limit))
        cursor = parameters.write_cursor(f"{page[-1].parked_at}/{page[-1].id}") if more else None
        return json(DeadLetters(tuple(_answer(row, desk.service) for row in page), cursor))

    async def replay(request: Request) -> Response:
        letter_id = parameters.path_id(request, "dead_letter_id")
        try:
            return json(Replayed(letter_id, await desk.replay(letter_id)))
        except KeyError:
            raise unknown("dead letter") from None
        except Refused as refusal:
            raise Problem(409, str(refusal)) from None
        except Poison as poison:
            raise Problem(422, str(poison)) from None

    return dead_letter_routes(listed, replay)


def dead_letter_routes(listed: Endpoint, replay: Endpoint) -> tuple[Route, ...]:
    """The routes to parked records, of one service or of all."""
    return (
        get(
            "/api/dead-letters",
            listed,
            "List parked records, newest first",
            tag=TAG,
            answer=DeadLetters,
            parameters=(*FILTERS, *parameters.PAGE),
        ),
        post(
            "/api/dead-letters/{dead_letter_id}/replay",
            replay,
            "Try a parked record again",
            tag=TAG,
            answer=Replayed,
            problems=(409, 422),
        ),
    )


def wishes(request: Request) -> Wanted:
    """Which letters a request asks for; 422 where that cannot be."""
    state = parameters.choice(request, "state", STATES)
    return Wanted(state, parameters.matching(request, "cause", CAUSE), parameters.matching(request, "key", KEY))


def _page(transaction: Transaction, wanted: Wanted, before: str | None, limit: int) -> tuple[list[DeadLetter], bool]:
    """The newest letters before a place, and whether there are more; large values are not even read for other pages."""
    table = KERNEL.dead_letters.table
    statement = chosen(sa.select(table.c.id, sa.func.length(table.c.record_value)), wanted)
    if before is not None:
        at, _, letter_id = before.partition("/")
        place = sa.tuple_(sa.literal(int(at), table.c.parked_at.type), sa.literal(letter_id, table.c.id.type))
        statement = statement.where(sa.tuple_(table.c.parked_at, table.c.id) < place)
    newest_first = statement.order_by(table.c.parked_at.desc(), table.c.id.desc()).limit(limit + 1)
    found = transaction.connection.execute(newest_first).all()
    sizes = accumulate(size or 0 for _, size in found)
    fitting = [str(row[0]) for row, size in zip(found[:limit], sizes, strict=False) if size <= PAGE_BYTES]
    page = transaction.select(KERNEL.dead_letters, fitting or [str(row[0]) for row in found[:1]])
    page.sort(key=lambda letter: (letter.parked_at, letter.id), reverse=True)
    return page, len(page) < len(found)


def chosen(statement: sa.Select[Any], wanted: Wanted) -> sa.Select[Any]:
    """The statement over the letters that are wanted."""
    table = KERNEL.dead_letters.table
    for name, value in wanted._asdict().items():
        if value is not None:
            statement = statement.where(table.c[name] == value)
    return statement


def _answer(row: DeadLetter, service: str) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        id=row.id,
        service=service,
        state=row.state,
        cause=row.cause,
        origin=Origin(row.topic, row.partition, row.position),
        key=_text(row.record_key),
        value=_text(row.record_value),
        value_base64=None if row.record_value is None else base64.b64encode(row.record_value).decode(),
        headers=tuple(row.headers),
        error=row.error,
        parked_at=rfc3339(row.parked_at),
        replayed_at=None if row.replayed_at is None else rfc3339(row.replayed_at),
        outcome=row.outcome,
    )


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
