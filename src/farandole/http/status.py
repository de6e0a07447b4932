"""What a process tells about itself: what it waits for, what waits in its outbox, how far it has heard."""

import asyncio
from typing import Final, NamedTuple, Protocol

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from farandole.http.desk import Desk
from farandole.http.routes import Endpoint, Route, get, json
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.messaging.failure import Transient
from farandole.messaging.kernel_tables import KERNEL, OPEN

MOST: Final = 10_000
"""Rows that are counted at most, so that a look costs the same however much waits."""
SECONDS: Final = 2.0
"""The longest wait for the database."""
TAG: Final = "operations"


class Standing(NamedTuple):
    """How a process stands: who it is, since when (microseconds), and what stops it."""

    instance: str
    started: int
    halted: str | None
    trouble: str | None


class Standings(Desk, Protocol):
    """A desk that also says how its process stands."""

    def standing(self) -> Standing: ...


class OffsetStatus(msgspec.Struct, frozen=True):
    """How far a partition is decided, and up to where every answer is durable."""

    topic: str
    partition: int
    decided: int
    acked: int


class Kept(msgspec.Struct, frozen=True):
    """What a database holds: events not yet published (ten thousand are counted at most), parked records still open,
    offsets."""

    outbox: int
    outbox_since: str | None
    parked: int
    last_parked_at: str | None
    offsets: tuple[OffsetStatus, ...]


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One service; `away` says why it could not be asked, `database` why it cannot reach its own, else null."""

    service: str
    away: str | None = None
    instance: str | None = None
    started_at: str | None = None
    halted: str | None = None
    trouble: str | None = None
    database: str | None = None
    kept: Kept | None = None


class Status(msgspec.Struct, frozen=True):
    services: tuple[ServiceStatus, ...]


def routes(desk: Standings) -> tuple[Route, ...]:
    """How one process stands."""

    async def shown(_: Request) -> Response:
        return json(Status((await status(desk),)))

    return status_routes(shown)


def status_routes(shown: Endpoint) -> tuple[Route, ...]:
    """The route to a status, of one service or of all."""
    return (get("/api/status", shown, "How each service stands", tag=TAG, answer=Status),)


async def status(desk: Standings) -> ServiceStatus:
    """What is known of one service at once; a database that is silent does not delay it long."""
    reading = asyncio.ensure_future(desk.read(_kept))
    done, _ = await asyncio.wait((reading,), timeout=SECONDS)
    kept, database = None, None
    if not done:
        reading.add_done_callback(lambda late: late.cancelled() or late.exception())
        database = f"expected an answer from the database within {SECONDS:.0f} s, found none"
    else:
        try:
            kept = reading.result()
        except Transient as error:
            database = str(error)
    standing = desk.standing()
    return ServiceStatus(
        service=desk.service,
        instance=standing.instance,
        started_at=rfc3339(standing.started),
        halted=standing.halted,
        trouble=standing.trouble,
        database=database,
        kept=kept,
    )


def _kept(transaction: Transaction) -> Kept:
    outbox, letters = KERNEL.outbox.table, KERNEL.dead_letters.table
    ask = transaction.connection.execute
    some = sa.select(outbox.c.written_at).limit(MOST).subquery()
    waiting, since = ask(sa.select(sa.func.count(), sa.func.min(some.c.written_at)).select_from(some)).one()
    parked = sa.select(letters.c.id).where(letters.c.state == OPEN).limit(MOST).subquery()
    count = ask(sa.select(sa.func.count()).select_from(parked)).scalar_one()
    last = ask(sa.select(sa.func.max(letters.c.parked_at))).scalar_one()
    offsets = (OffsetStatus(*row.key, row.decided, row.acked) for row in transaction.all(KERNEL.offsets))
    return Kept(waiting, _time(since), count, _time(last), tuple(offsets))


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)
