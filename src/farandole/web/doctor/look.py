"""One look from outside: how each service stands, what it parked, the groups and logs, and orders nobody heard of."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from farandole.contract.choreography import CHOREOGRAPHY, ORDER, Service, topics
from farandole.contract.events import StepTaken
from farandole.http.desk import Desk
from farandole.http.parameters import write_cursor
from farandole.http.status import ServiceStatus
from farandole.messaging.envelope import microseconds
from farandole.messaging.failure import Transient
from farandole.messaging.transport import Partition
from farandole.messaging.transport.inspection import Group, Inspection, Sight
from farandole.monitor.storage import recorded
from farandole.web.ages import id_at
from farandole.web.branches import Branches
from farandole.web.statuses import statuses, value

MONITOR: Final = "monitor"
SERVICES: Final = (*map(str, Service), MONITOR)
EVERY_TOPIC: Final = (*topics(), StepTaken.topic)
LETTERS: Final = 200
PLACED: Final = 100
"""Orders of the order service that one look compares with what is recorded."""
UNHEARD: Final = 1000
NO_GROUP: Final = Group(0, {})


class Origin(msgspec.Struct, frozen=True):
    topic: str
    partition: int
    offset: int


class Letter(msgspec.Struct, frozen=True):
    """As much of a dead letter as tells why an order waits."""

    id: str
    cause: str
    key: str | None
    origin: Origin
    error: str
    parked_at: str


class Letters(msgspec.Struct, frozen=True):
    items: tuple[Letter, ...]


class Placed(NamedTuple):
    """An order that the order service has: when it was placed (microseconds) and its total."""

    at: int
    currency: str
    total: str


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What was seen at `at` (microseconds); `before` is where the logs ended one look earlier, so that what is missing of
    that is late, `halted` the last words of services that are away since, with nobody in their groups, and `since` when each
    thing that is wrong was first seen to be."""

    at: int
    began: int
    statuses: Mapping[str, ServiceStatus]
    letters: Mapping[str, tuple[Letter, ...]]
    sight: Sight | None
    transport: str | None
    place: Callable[[str, str], Partition]
    before: Mapping[Partition, int] = field(default_factory=dict)
    halted: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    unheard: Mapping[str, Placed] = field(default_factory=dict)

    def group(self, service: str) -> Group:
        return self.sight.groups.get(group_of(service), NO_GROUP) if self.sight else NO_GROUP

    def behind(self, service: str, partitions: Collection[Partition] | None = None) -> dict[Partition, int]:
        """Records that were in the log one look earlier and that a service has not heard, by partition."""
        committed = self.group(service).committed
        asked = [p for p in self.before if p.topic in heard_by(service)] if partitions is None else partitions
        begins = self.sight.begins if self.sight else {}
        waiting = {p: self.before.get(p, 0) - committed.get(p, begins.get(p, 0)) for p in asked}
        return {place: count for place, count in waiting.items() if count > 0}


def group_of(service: str) -> str:
    return f"farandole.{service}"


@cache
def heard_by(service: str) -> frozenset[str]:
    """The topics that a service hears: the monitor every one."""
    if service == MONITOR:
        return frozenset(EVERY_TOPIC)
    return frozenset(step.hears.topic for step in CHOREOGRAPHY if step.service == service) - {""}


class Lookout(NamedTuple):
    """Where to look: the services' routes, the transport, and the monitor's own rows."""

    branches: Branches
    inspection: Inspection
    monitor: Desk


async def look(out: Lookout, late_after: int, last: Observation | None) -> Observation:
    """See everything once; what does not answer is part of what is seen."""
    stand, (sight, transport) = await asyncio.gather(statuses(out.branches), _sight(out.inspection))
    letters = await _letters(out.branches, stand, last)
    now = out.monitor.now()
    seen = Observation(
        at=now,
        began=last.began if last else now,
        statuses=stand,
        letters=letters,
        sight=sight,
        transport=transport,
        place=out.inspection.partition,
        before=(last.sight.ends if last and last.sight else {}) or (sight.ends if sight else {}),
    )
    seen = replace(seen, halted=dict(_halted(seen, last.halted if last else {})))
    wrong, earlier = _wrong(seen, last), last.since if last else {}
    return replace(
        seen,
        since={what: earlier.get(what, now) for what in wrong},
        unheard=await _unheard(out, now - late_after, last.unheard if last else {}),
    )


def _halted(seen: Observation, before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Why services halted: a process says it for a moment, then it ends; until it answers, or another is in its group."""
    for name, status in seen.statuses.items():
        gone = status.away and not seen.group(name).members
        if words := status.halted or (gone and before.get(name)):
            yield name, words


async def _sight(inspection: Inspection) -> tuple[Sight | None, str | None]:
    groups = [group_of(name) for name in SERVICES]
    try:
        return await asyncio.to_thread(inspection.look, groups, EVERY_TOPIC), None
    except Transient as error:
        return None, str(error)


async def _letters(
    branches: Branches, stand: Mapping[str, ServiceStatus], last: Observation | None
) -> dict[str, tuple[Letter, ...]]:
    """The newest open dead letters of each service, asked for only where they may have changed."""

    async def of(name: str) -> tuple[Letter, ...] | None:
        kept, before = stand[name].kept, last.statuses.get(name) if last else None
        if kept is None or not kept.parked:
            return ()
        if last and name in last.letters and before and before.kept and _parked(before) == _parked(stand[name]):
            return last.letters[name]
        page = await value(branches[name], "/api/dead-letters", Letters, state="OPEN", limit=str(LETTERS))
        return None if isinstance(page, str) else page.items

    found = zip(branches, await asyncio.gather(*(of(name) for name in branches)), strict=True)
    return {name: letters for name, letters in found if letters is not None}


def _parked(status: ServiceStatus) -> tuple[int, str | None] | None:
    return (status.kept.parked, status.kept.last_parked_at) if status.kept else None


def _wrong(seen: Observation, last: Observation | None) -> Iterable[str]:
    """Everything that is wrong, by a name that stays the same while it is."""
    if seen.transport:
        yield "transport"
    for name in SERVICES:
        status = seen.statuses.get(name)
        if status:
            known = {
                "away": status.away,
                "halted": seen.halted.get(name),
                "trouble": status.trouble,
                "database": status.database,
            }
            yield from (f"{what}/{name}" for what, found in known.items() if found)
        if seen.sight and not seen.group(name).members:
            yield f"alone/{name}"
        if last and seen.sight and seen.behind(name) and last.group(name).committed == seen.group(name).committed:
            yield f"still/{name}"


async def _unheard(out: Lookout, until: int, before: Mapping[str, Placed]) -> dict[str, Placed]:
    """Orders placed before `until` of which nothing is recorded: those of the last look, and of the newest."""
    found = dict(before)
    if client := out.branches.get(ORDER):
        cursor = write_cursor(id_at(until))
        page = await value(client, "/api/orders", dict[str, Any], cursor=cursor, limit=str(PLACED))
        if not isinstance(page, str):
            pending = [order for order in page["items"] if order["status"] == "PENDING"]
            found |= {o["id"]: Placed(microseconds(o["placed_at"]), o["currency"], o["total"]) for o in pending}
    if not found:
        return {}
    try:
        heard_of = set(await out.monitor.read(lambda transaction: _recorded(transaction, list(found))))
    except Transient:
        return dict(before)
    lacking = [(key, placed) for key, placed in sorted(found.items()) if key not in heard_of]
    return dict(lacking[:UNHEARD])


def _recorded(transaction: Any, order_ids: list[str]) -> list[str]:
    c = recorded.c
    asked = sa.select(c.order_id).where(c.order_id.in_(order_ids)).distinct()
    return [str(found) for found in transaction.connection.scalars(asked)]
