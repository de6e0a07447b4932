"""The monitor's statistics over HTTP: curves of the last minutes or hours."""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, FLOWS
from farandole.http.desk import Desk
from farandole.http.parameters import Parameter, fits
from farandole.http.problems import FieldError, invalid
from farandole.http.routes import Route, get, json
from farandole.messaging.step import Step
from farandole.monitor.figures import FIRST, Curves, curves, of_step, points, quantiles
from farandole.monitor.statistics import KEPT, ended, series

MOST: Final = KEPT // 60
USUAL: Final = 60
REMEMBERED: Final = 8
"""Answers that are kept: pages ask again more often than there is another point."""
PARTS: Final = (0.5, 0.95, 0.99)


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds at each point, null where nothing was measured."""

    p50: tuple[float | None, ...]
    p95: tuple[float | None, ...]
    p99: tuple[float | None, ...]


class StepCurve(msgspec.Struct, frozen=True, kw_only=True):
    """How often a second a step is taken, and how long after the decision that it hears of."""

    service: str
    heard: str | None
    step: str
    per_second: tuple[float, ...]
    latency: Latency


class StatisticsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`at` are the points, in seconds since 1970, each of which stands for the `width` seconds that follow; `placed` and `ended`
    (by flow) are orders a second, `latency` is from placing an order to its last step."""

    width: int
    at: tuple[int, ...]
    placed: tuple[float, ...]
    ended: dict[str, tuple[float, ...]]
    latency: Latency
    steps: tuple[StepCurve, ...]


def routes(desk: Desk) -> tuple[Route, ...]:
    known: dict[range, StatisticsAnswer] = {}

    async def shown(request: Request) -> Response:
        minutes = _minutes(request)
        now = desk.now()
        at = points(now, minutes)
        if at not in known:
            found = answer(await desk.read(lambda transaction: curves(transaction, now, minutes)))
            if len(known) >= REMEMBERED:
                known.clear()
            known[at] = found
        return json(known[at])

    minutes = Parameter(
        "minutes",
        schema={"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        description="how far back",
    )
    return (
        get(
            "/api/statistics",
            shown,
            "Orders a second, how they end and how long it takes",
            answer=StatisticsAnswer,
            parameters=(minutes,),
            tag="monitor",
        ),
    )


def answer(curves: Curves) -> StatisticsAnswer:
    return StatisticsAnswer(
        width=curves.width,
        at=tuple(curves.at),
        placed=tuple(curves.rates(series(FIRST))),
        ended={name: tuple(curves.rates(ended(name))) for name in FLOWS},
        latency=_latency(curves.ends()),
        steps=tuple(_curve(curves, step) for step in CHOREOGRAPHY),
    )


def _curve(curves: Curves, step: Step) -> StepCurve:
    return StepCurve(
        service=step.service,
        heard=None if step.hears is COMMAND else step.hears.topic,
        step=step.words,
        per_second=tuple(curves.rates(series(step))),
        latency=_latency(of_step(curves, step)),
    )


def _latency(counts: Sequence[Sequence[int]]) -> Latency:
    return Latency(*zip(*(map(_millis, quantiles(each, PARTS)) for each in counts), strict=True))


def _millis(micros: int | None) -> float | None:
    return None if micros is None else micros / 1000


def _minutes(request: Request) -> int:
    text = request.query_params.get("minutes")
    if text is None:
        return USUAL
    if fits("[0-9]{1,4}", text) and 1 <= int(text) <= MOST:
        return int(text)
    raise invalid(FieldError("minutes", f"expected an integer 1 to {MOST}"))
