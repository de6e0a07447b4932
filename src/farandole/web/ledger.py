"""The ledger to look at, and as JSON: green while the services say what the log says, red where one does not."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from farandole.http.problems import Problem
from farandole.http.routes import Route, get, json
from farandole.monitor.ledger_report import LedgerReport
from farandole.web.layout import HTML, page, partial

SHOWN: Final = 50
"""SKUs that the page shows of a look."""

Report = Callable[[], LedgerReport | None]


def nobody() -> None:
    """Has not looked."""


def routes(report: Report) -> tuple[Route, ...]:
    async def told(_: Request) -> Response:
        found = report()
        if found is None:
            raise Problem(503, "nobody has looked at the ledger yet", headers={"Retry-After": "1"})
        return json(found)

    summary = "Stock and money as the log has them, beside what the services say"
    return (get("/api/ledger", told, summary, tag="monitor", answer=LedgerReport),)


def pages(report: Report) -> tuple[Route, ...]:
    async def shown(request: Request) -> Response:
        return page("_ledger.html" if partial(request) else "ledger.html", ledger=report(), most=SHOWN)

    return (get("/ledger", shown, "The ledger, to look at", **HTML),)
