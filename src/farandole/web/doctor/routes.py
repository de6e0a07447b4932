"""The doctor's routes: for programs, for people, and as a piece of an order's page."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.choreography import ORDER
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.problems import unknown
from farandole.http.routes import Route, get, json
from farandole.messaging.envelope import microseconds
from farandole.messaging.failure import Transient
from farandole.monitor import waiting
from farandole.web.branches import Branches
from farandole.web.doctor import report
from farandole.web.doctor.look import Letter, Letters, Observation, Placed
from farandole.web.doctor.report import Diagnosis, OrderDiagnosis
from farandole.web.layout import HTML, page, partial
from farandole.web.statuses import value

TAG: Final = "doctor"


class Watching(Protocol):
    """Looks every moment; `late_after` is microseconds."""

    @property
    def late_after(self) -> int: ...

    async def seen(self) -> Observation:
        """The last look; raises Transient when there was none in time."""


class Doctor:
    """Asks the monitor's rows and the last look."""

    def __init__(self, monitor: Desk, branches: Branches, watch: Watching) -> None:
        self._monitor, self._branches, self._watch = monitor, branches, watch
        self._told: tuple[Observation, Diagnosis] | None = None

    async def seen(self) -> Observation:
        """The last look; raises Transient when there was none in time."""
        return await self._watch.seen()

    async def everything(self) -> Diagnosis:
        """Told once a look, however many ask; `looked_at` says when that was."""
        seen, late_after = await self._watch.seen(), self._watch.late_after
        if self._told and self._told[0] is seen:
            return self._told[1]
        try:
            found = await self._monitor.read(lambda transaction: report.read(transaction, seen.at - late_after))
        except Transient:
            found = None
        told = report.diagnosis(found, seen, late_after)
        if found is not None:
            self._told = seen, told
        return told

    async def order(self, order_id: str) -> OrderDiagnosis | None:
        """Why one order waits; None when nobody knows it."""
        seen = await self._watch.seen()
        rows = await self._monitor.read(lambda transaction: waiting.steps(transaction, [order_id]))
        taken = rows[0] if rows else []
        if taken and not waiting.due(taken):
            return report.of_order(order_id, taken, None, (seen, {}, self._watch.late_after))
        stored = None if taken else await self._stored(order_id)
        if not taken and stored is None:
            return None
        letters = await self._letters(order_id)
        return report.of_order(order_id, taken, stored, (seen, letters, self._watch.late_after))

    async def _stored(self, order_id: str) -> Placed | None:
        client = self._branches.get(ORDER)
        found = await value(client, f"/api/orders/{order_id}", dict[str, Any]) if client else ""
        if isinstance(found, str):
            return None
        return Placed(microseconds(found["placed_at"]), found["currency"], found["total"])

    async def _letters(self, order_id: str) -> Mapping[str, tuple[Letter, ...]]:
        asked = (value(c, "/api/dead-letters", Letters, key=order_id, state="OPEN") for c in self._branches.values())
        pages = await asyncio.gather(*asked)
        return {name: () if isinstance(p, str) else p.items for name, p in zip(self._branches, pages, strict=True)}


def routes(doctor: Doctor) -> tuple[Route, ...]:
    """What programs ask."""

    async def everything(_: Request) -> Response:
        return json(await doctor.everything())

    async def one(request: Request) -> Response:
        found = await doctor.order(parameters.path_id(request, "order_id"))
        if found is None:
            raise unknown("order")
        return json(found)

    return (
        get("/api/diagnosis", everything, "What is late, and why", tag=TAG, answer=Diagnosis),
        get(
            "/api/orders/{order_id}/diagnosis",
            one,
            "Why an order waits",
            tag=TAG,
            answer=OrderDiagnosis,
            problems=(404,),
        ),
    )


def pages(doctor: Doctor) -> tuple[Route, ...]:
    """What people look at."""

    async def everything(request: Request) -> Response:
        template = "_doctor.html" if partial(request) else "doctor.html"
        try:
            return page(template, diagnosis=await doctor.everything(), why=None)
        except Transient as error:
            return page(template, diagnosis=None, why=str(error))

    async def one(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        try:
            found, why = await doctor.order(order_id), None
        except Transient as error:
            found, why = None, str(error)
        return page("_order_doctor.html", order_id=order_id, diagnosis=found, why=why)

    return (
        get("/doctor", everything, "What is late, and why, to look at", **HTML),
        get("/orders/{order_id}/doctor", one, "Why an order waits, a piece", **HTML),
    )
