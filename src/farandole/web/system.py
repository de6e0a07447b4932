"""The system on one page, live: who says and hears what and how often, how every process is, how orders end and how long it takes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.choreography import CHOREOGRAPHY, FLOWS, Service
from farandole.http.problems import Problem
from farandole.http.routes import Route, get
from farandole.messaging.database import Transaction
from farandole.messaging.step import Step
from farandole.monitor.figures import FIRST, Curves, of_step, quantile, recent
from farandole.monitor.statistics import ended, series
from farandole.web.floor import Node, draw, per_second
from farandole.web.layout import HTML, page, partial
from farandole.web.processes import Process, processes
from farandole.web.sources import Sources
from farandole.web.spans import span

NOW: Final = 10
"""Seconds, at least, of which the rates on the floor are."""
LATELY: Final = 300
"""Seconds of which the latencies and outcomes beside it are."""
NEWEST: Final = "10"
STATUS: Final = {"happy": "COMPLETED", "payment-failure": "PAYMENT_FAILED", "stock-failure": "FAILED"}
"""How an order ends that danced a flow."""
PARTS: Final = (0.5, 0.95, 0.99)


class StepFigures(NamedTuple):
    step: Step
    taken: int
    latency: tuple[str, ...]


class Figures(NamedTuple):
    """What the statistics say: steps and orders a second now; how orders ended and how long it took lately."""

    rates: Mapping[Step, float]
    placed: float
    outcomes: Mapping[str, int]
    latency: tuple[str, ...]
    steps: tuple[StepFigures, ...]

    @property
    def over(self) -> int:
        return sum(self.outcomes.values())


def routes(sources: Sources) -> tuple[Route, ...]:
    async def shown(request: Request) -> Response:
        now = sources.monitor.now()
        figures, known, newest = await asyncio.gather(
            sources.monitor.read(lambda transaction: read(transaction, now)),
            processes(sources.doctor),
            _newest(sources),
        )
        return page(
            "_system.html" if partial(request) else "system.html",
            figures=figures,
            processes=known,
            floor=Markup(draw(_nodes(known, figures), figures.rates, "Services, topics, and who says and hears what")),
            newest=newest,
            per_second=per_second,
            minutes=LATELY // 60,
        )

    return (get("/system", shown, "The whole system, to look at", **HTML),)


def read(transaction: Transaction, now: int) -> Figures:
    """A bounded number of rows, however many orders are kept."""
    at_once, lately = recent(transaction, now, NOW), recent(transaction, now, LATELY)
    return Figures(
        rates={step: at_once.rates(series(step))[0] for step in CHOREOGRAPHY},
        placed=at_once.rates(series(FIRST))[0],
        outcomes={STATUS[name]: lately.of(ended(name))[0][0] for name in FLOWS},
        latency=_latency(lately.ends()[0]),
        steps=tuple(_step(lately, step) for step in CHOREOGRAPHY if step is not FIRST),
    )


def _step(lately: Curves, step: Step) -> StepFigures:
    counts = of_step(lately, step)[0]
    return StepFigures(step, counts[0], _latency(counts))


def _latency(counts: Sequence[int]) -> tuple[str, ...]:
    found = (quantile(counts, part) for part in PARTS)
    return tuple("\N{EN DASH}" if micros is None else span(micros) for micros in found)


def _nodes(known: Sequence[Process], figures: Figures) -> dict[str, Node]:
    return {process.service: _node(process, figures) for process in known if process.service in set(Service)}


def _node(process: Process, figures: Figures) -> Node:
    rate = sum(rate for step, rate in figures.rates.items() if step.service == process.service)
    figure = {"backlog": process.backlog, "lag": process.lag, "parked": process.parked}
    waits = ", ".join(f"{name} {count:,}" for name, count in figure.items() if count is not None)
    return Node(process.state, (process.state, f"{per_second(rate).removesuffix('/s')} steps/s", waits))


async def _newest(sources: Sources) -> list[dict[str, Any]]:
    """The newest orders; none while their service cannot be asked, which its state says."""
    try:
        async with asyncio.timeout(1):
            found = await sources.get("order", "/api/orders", {"limit": NEWEST})
    except (Problem, TimeoutError):
        return []
    return list(found["items"]) if found else []
