"""The monitor's HTTP routes: timeline, diagram and live events of one order, and the choreography itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from farandole.contract import choreography
from farandole.contract.diagram import flow_diagram
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.parameters import Parameter
from farandole.http.problems import Problem
from farandole.http.routes import EVENT_STREAM, Route, get, json, stopping
from farandole.messaging.envelope import rfc3339
from farandole.messaging.step import Step
from farandole.monitor.domain import Recorded
from farandole.monitor.storage import RECORDED
from farandole.monitor.timeline import diagram, expected, in_causal_order

LOOK_SECONDS: Final = 1.0
"""How long a live stream waits before it looks for steps that another monitor process recorded."""
TAG: Final = "monitor"


class StepAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded step; `number` counts arrivals within the order and never changes, `landed_at` is the transport's time of
    its record, `repeats` how many more records said the same."""

    number: int
    service: str
    step: str
    heard: str | None
    said: str | None
    at: str
    landed_at: str | None
    event_id: str
    causation_id: str | None
    repeats: int


class ExpectedStep(msgspec.Struct, frozen=True):
    service: str
    step: str
    heard: str | None
    said: str | None


class TimelineAnswer(msgspec.Struct, frozen=True):
    order_id: str
    steps: tuple[StepAnswer, ...]
    expected: tuple[ExpectedStep, ...]


class ChoreographyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table; events are topics, `hears` null for the command that starts an order."""

    service: str
    hears: str | None
    step: str
    says: str | None
    undoes: str | None


class Choreography(msgspec.Struct, frozen=True):
    steps: tuple[ChoreographyRow, ...]
    flows: dict[str, tuple[str, ...]]


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the monitor."""

    async def timeline(request: Request) -> Response:
        return json(told(await _recorded(desk, request)))

    async def drawn(request: Request) -> Response:
        return PlainTextResponse(diagram(await _recorded(desk, request)))

    async def live(request: Request) -> Response:
        rows = await _recorded(desk, request)
        after = int(parameters.matching(request, "after", "[0-9]{1,9}") or 0)
        seen = max(after, _last_event_id(request))
        if not expected(rows) and seen >= len(rows):
            return Response(status_code=204)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        steps = _stream(desk, rows[0].order_id, seen, stopping(request))
        return StreamingResponse(steps, 200, headers, EVENT_STREAM)

    async def table(request: Request) -> Response:
        name = parameters.choice(request, "flow", choreography.FLOWS)
        return PlainTextResponse(flow_diagram(name)) if name else json(_choreography())

    one = "/api/orders/{order_id}"
    flows = Parameter(
        "flow", schema={"type": "string", "enum": list(choreography.FLOWS)}, description="as Mermaid text"
    )
    resume = Parameter("Last-Event-ID", "header", {"type": "string"}, "the number of the last step already seen")
    after = Parameter(
        "after", schema={"type": "integer", "minimum": 0, "maximum": 10**9 - 1}, description=resume.description
    )
    unheard = {"problems": (404,), "tag": TAG}
    return (
        get(f"{one}/timeline", timeline, "Steps taken and still expected", answer=TimelineAnswer, **unheard),
        get(
            f"{one}/diagram", drawn, "Mermaid diagram of the recorded steps", answer=str, media="text/plain", **unheard
        ),
        get(
            f"{one}/events",
            live,
            "Steps as they happen",
            answer=str,
            media=EVENT_STREAM,
            statuses={204: "everything was seen already"},
            parameters=(after, resume),
            **unheard,
        ),
        get(
            "/api/choreography",
            table,
            "Who hears what, does what and answers what",
            answer=Choreography,
            also={"text/plain": str},
            parameters=(flows,),
            tag=TAG,
        ),
    )


def told(rows: Sequence[Recorded]) -> TimelineAnswer:
    """An order's timeline, from at least one recorded step."""
    steps = tuple(_step(row) for row in in_causal_order(rows))
    return TimelineAnswer(rows[0].order_id, steps, tuple(_expected(step) for step in expected(rows)))


async def _recorded(desk: Desk, request: Request) -> list[Recorded]:
    order_id = parameters.path_id(request, "order_id")
    rows = await _steps(desk, order_id)
    if not rows:
        raise Problem(404, "the monitor has not heard of this order", headers={"Retry-After": "1"})
    return rows


async def _steps(desk: Desk, order_id: str) -> list[Recorded]:
    return await desk.read(lambda transaction: transaction.select(RECORDED, [order_id], by="order_id"))


def _last_event_id(request: Request) -> int:
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def _stream(desk: Desk, order_id: str, seen: int, stop: asyncio.Future[None]) -> AsyncIterator[bytes]:
    """Steps in the order of their numbers; watched before each look, so that nothing is missed."""
    while not stop.done():
        with desk.watching(order_id) as news:
            rows = await _steps(desk, order_id)
            for row in sorted(rows, key=lambda row: row.number):
                if row.number > seen:
                    seen = row.number
                    yield b"id: %d\nevent: step\ndata: %s\n\n" % (seen, msgspec.json.encode(_step(row)))
            if not expected(rows):
                yield b"event: end\ndata: {}\n\n"
                return
            await asyncio.wait((news, stop), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        yield b": still under way\n\n"


def _step(row: Recorded) -> StepAnswer:
    return StepAnswer(
        number=row.number,
        service=row.service,
        step=row.step,
        heard=row.heard,
        said=row.said,
        at=rfc3339(row.decided_at),
        landed_at=None if row.landed_at is None else rfc3339(row.landed_at),
        event_id=row.event_id,
        causation_id=row.causation,
        repeats=row.repeats or 0,
    )


def _expected(step: Step) -> ExpectedStep:
    return ExpectedStep(step.service, step.words, _heard(step), step.says.topic if step.says else None)


def _heard(step: Step) -> str | None:
    return None if step.hears is choreography.COMMAND else step.hears.topic


def _choreography() -> Choreography:
    rows: Sequence[Step] = choreography.CHOREOGRAPHY
    steps = tuple(
        ChoreographyRow(
            service=step.service,
            hears=_heard(step),
            step=step.words,
            says=step.says.topic if step.says else None,
            undoes=step.undoes.topic if step.undoes else None,
        )
        for step in rows
    )
    flows = {name: tuple(step.words for step in choreography.flow(name)) for name in choreography.FLOWS}
    return Choreography(steps, flows)
