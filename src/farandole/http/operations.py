"""What an operator asks of one service: its dead letters, its health and its metrics."""

import base64
from collections.abc import Callable
from itertools import accumulate
from typing import Final

import msgspec
import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import END, UUID
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.problems import Problem, unknown
from farandole.http.routes import Endpoint, Route, get, json, post
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.kernel_tables import KERNEL, DeadLetter

_PLACE: Final = rf"[0-9]{{1,18}}/{UUID.removeprefix('^').removesuffix(END)}"
PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of parked values after which a page ends, however few they are."""
TAG: Final = "operations"


class Origin(msgspec.Struct, frozen=True):
    topic: str
    partition: int
    offset: int


class DeadLetterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record; `key` and `value` are null where the bytes are not text in UTF-8."""

    id: str
    service: str
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


class Health(msgspec.Struct, frozen=True):
    status: str


def routes(desk: Desk, registry: CollectorRegistry | None = None) -> tuple[Route, ...]:
    """Everything an operator may ask of one service."""
    return (*dead_letters(desk), *health(desk.stall), *(metrics(registry) if registry is not None else ()))


def dead_letters(desk: Desk) -> tuple[Route, ...]:
    """Parked records, and another try for each."""

    async def listed(request: Request) -> Response:
        limit = parameters.limit(request)
        before = parameters.read_cursor(request, _PLACE)
        page, more = await desk.read(lambda transaction: _page(transaction, before, limit))
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
            parameters=parameters.PAGE,
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


def health(stall: Callable[[], str | None]) -> tuple[Route, ...]:
    """Whether the process lives, and whether it can work now."""

    async def live(_: Request) -> Response:
        return json(Health("live"))

    async def ready(_: Request) -> Response:
        cause = stall()
        if cause is not None:
            raise Problem(503, cause, headers={"Retry-After": "1"})
        return json(Health("ready"))

    return (
        get("/health/live", live, "Whether the process lives", tag=TAG, answer=Health),
        get("/health/ready", ready, "Whether it can work now", tag=TAG, answer=Health),
    )


def metrics(registry: CollectorRegistry) -> tuple[Route, ...]:
    """What a registry has counted, as Prometheus text."""

    async def text(_: Request) -> Response:
        content = await run_in_threadpool(generate_latest, registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    return (get("/metrics", text, "Figures for Prometheus", tag=TAG, answer=str, media="text/plain"),)


def _page(transaction: Transaction, before: str | None, limit: int) -> tuple[list[DeadLetter], bool]:
    """The newest letters before a place, and whether there are more; large values are not even read for other pages."""
    table = KERNEL.dead_letters.table
    statement = sa.select(table.c.id, sa.func.length(table.c.record_value))
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


def _answer(row: DeadLetter, service: str) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        id=row.id,
        service=service,
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
