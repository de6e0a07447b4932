"""How the processes are, told by the doctor's last look: it is seconds old, and costs a page nothing."""

import asyncio
from typing import Final, NamedTuple

from farandole.contract.choreography import Service
from farandole.http.status import ServiceStatus
from farandole.messaging.failure import Transient
from farandole.web.doctor.look import Observation
from farandole.web.doctor.routes import Doctor

MONITOR: Final = "monitor"
SERVICES: Final = (*map(str, Service), MONITOR)
PATIENCE: Final = 1.0
"""Seconds that a page waits for the first look."""
TRANSPORT: Final = "topics"
UNSEEN: Final = "nobody has looked yet"


class Process(NamedTuple):
    """`state` is ready, waiting, away or unknown, `why` says more where it is not ready; None is what is not known: members of
    its group, records not heard yet, events not published yet, dead letters still open."""

    service: str
    state: str
    why: str = ""
    members: int | None = None
    lag: int | None = None
    backlog: int | None = None
    parked: int | None = None


async def processes(doctor: Doctor | None) -> list[Process]:
    """Every service, and what they speak over where it is away."""
    if doctor is None:
        return [Process(service, "unknown", UNSEEN) for service in SERVICES]
    try:
        async with asyncio.timeout(PATIENCE):
            seen = await doctor.seen()
    except (Transient, TimeoutError):
        return [Process(service, "unknown", UNSEEN) for service in SERVICES]
    found = [_process(service, seen) for service in SERVICES]
    return found if seen.transport is None else [*found, Process(TRANSPORT, "away", seen.transport)]


def _process(service: str, seen: Observation) -> Process:
    status = seen.statuses.get(service)
    if status is None:
        return Process(service, "away", f"its address is not known here: set FARANDOLE_{service.upper()}_URL")
    members = seen.group(service).members if seen.sight else None
    state, why = _state(status, members)
    return Process(
        service,
        state,
        why,
        members=members,
        lag=sum(seen.behind(service).values()) if seen.sight else None,
        backlog=status.kept.outbox if status.kept else None,
        parked=status.kept.parked if status.kept else None,
    )


def _state(status: ServiceStatus, members: int | None) -> tuple[str, str]:
    if status.away:
        return "away", status.away
    trouble = status.halted or status.database or status.trouble
    if trouble:
        return "waiting", trouble
    return ("waiting", "its group has no member") if members == 0 else ("ready", "")
