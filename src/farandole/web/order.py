"""One order on one page: its dance as it happens, where the time went, its events, and what of it is parked."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, NamedTuple

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import UUID
from farandole.http import parameters
from farandole.http.problems import Problem
from farandole.http.routes import Route, get
from farandole.messaging.kernel_tables import OPEN
from farandole.messaging.step import Step
from farandole.monitor.api import told
from farandole.monitor.storage import RECORDED
from farandole.monitor.timeline import diagram, flow_name
from farandole.monitor.usual import usual
from farandole.web import dance
from farandole.web.drawing import draw
from farandole.web.layout import HTML, page, partial
from farandole.web.sources import Sources
from farandole.web.spans import span

PATIENCE: Final = 2.0
"""Seconds that the page waits for a service: without it, it shows what the others know."""
PARKED: Final = "5"
"""Open dead letters of one service that are shown, and of any state."""
FRESH: Final = 5.0
"""Seconds for which what is usual stays so."""

OVER: Final = 286
"""The status that tells a page to ask no more."""


def routes(sources: Sources) -> tuple[Route, ...]:
    custom = Custom(sources)

    async def one(request: Request) -> Response:
        order_id = request.path_params["order_id"]
        if not parameters.fits(UUID, order_id):
            return page("unknown.html", 404, what="order", wanted=order_id)
        rows = await sources.monitor.read(lambda transaction: transaction.select(RECORDED, [order_id], by="order_id"))
        order, letters = await asyncio.gather(
            _asked(sources, "order", f"/api/orders/{order_id}"), _parked(sources, order_id)
        )
        if order.found is None and not order.away and not rows:
            return page("unknown.html", 404, what="order", wanted=order_id)
        known = await custom.now()
        steps, hops = dance.drawn(rows, known), dance.hops(rows)
        taken = len(rows)
        return page(
            "_order.html" if partial(request) else "order.html",
            OVER if partial(request) and taken == len(steps) else 200,
            alone=partial(request),
            order_id=order_id,
            order=order,
            letters=letters,
            steps=steps,
            taken=taken,
            awaited=dance.awaited(rows, known, sources.monitor.now()),
            image=Markup(draw(steps, flow_name(rows), f"The dance of order {order_id}")),
            hops=hops,
            longest=max([hop.end for hop in hops] + [1]),
            mermaid=diagram(rows),
            timeline=msgspec.json.format(msgspec.json.encode(told(rows)), indent=2).decode() if rows else "",
            dance=dance,
            span=span,
        )

    return (get("/orders/{order_id}", one, "One order's dance, to look at", **HTML),)


class Custom:
    """What is usual, read again after a while: every page that grows asks for it."""

    def __init__(self, sources: Sources) -> None:
        self._sources, self._known, self._until = sources, dict[Step, int](), 0.0

    async def now(self) -> Mapping[Step, int]:
        if monotonic() >= self._until:
            self._known = dict(await self._sources.monitor.read(usual))
            self._until = monotonic() + FRESH
        return self._known


class Asked(NamedTuple):
    """What a service answered: None where it knows nothing, `away` where it did not answer."""

    service: str
    found: Any
    away: bool = False


async def _asked(sources: Sources, service: str, path: str, query: Mapping[str, str] | None = None) -> Asked:
    try:
        async with asyncio.timeout(PATIENCE):
            return Asked(service, await sources.get(service, path, query))
    except (Problem, TimeoutError):
        return Asked(service, None, away=True)


async def _parked(sources: Sources, order_id: str) -> list[Asked]:
    """Each service's newest dead letters of an order, the open ones first, whatever else was parked since."""
    return await asyncio.gather(*(_letters(sources, service, order_id) for service in sources.branches))


async def _letters(sources: Sources, service: str, order_id: str) -> Asked:
    """Asked once more for the open ones where there are more than a few."""
    query = {"key": order_id, "limit": PARKED}
    answers = [await _asked(sources, service, "/api/dead-letters", query)]
    if answers[0].found and answers[0].found["next_cursor"]:
        answers.append(await _asked(sources, service, "/api/dead-letters", query | {"state": OPEN}))
    letters = {letter["id"]: letter for asked in answers if asked.found for letter in asked.found["items"]}
    found = sorted(letters.values(), key=lambda letter: letter["state"] != OPEN)
    return Asked(service, found, any(asked.away for asked in answers))
