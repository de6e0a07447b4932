"""The first page: the newest orders, found by who, what and when; and a form that places some."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import UUID
from farandole.http import parameters
from farandole.http.routes import Route, get, post
from farandole.messaging.database import Transaction
from farandole.monitor.storage import RECORDED
from farandole.web import forms, placing
from farandole.web.ages import AGES, asked
from farandole.web.layout import HTML, page, partial
from farandole.web.sources import Sources

STATUSES: Final = ("PENDING", "COMPLETED", "PAYMENT_FAILED", "FAILED")
KEPT: Final = ("status", "customer_id", "email", "older", "cursor")
EMAIL: Final = r"[^@\s]+@[^@\s]+"
"""What is looked for as an address; a customer's id that looks like one is found by `?customer_id=`."""


def routes(sources: Sources) -> tuple[Route, ...]:
    async def newest(request: Request) -> Response:
        query = {name: value for name in KEPT if (value := request.query_params.get(name, "").strip())}
        wanted = request.query_params.get("q", "").strip()
        if parameters.fits(UUID, wanted):
            return forms.see(await _place_of(sources, wanted))
        if wanted:
            query["email" if parameters.fits(EMAIL, wanted) else "customer_id"] = wanted
        found = await sources.get("order", "/api/orders", asked(query)) or {"items": [], "next_cursor": None}
        template = "_orders.html" if partial(request) else "orders.html"
        return page(
            template,
            orders=found,
            query=query,
            statuses=STATUSES,
            ages=AGES,
            kinds=placing.KINDS,
            most=placing.MOST,
        )

    async def place(request: Request) -> Response:
        return forms.see(await placing.place(sources, await forms.read(request)))

    return (
        get("/", newest, "The newest orders, to look at", **HTML),
        post("/place", forms.shown(place), "Orders of each kind, placed by a form", **HTML),
    )


async def _place_of(sources: Sources, wanted: str) -> str:
    """The page of the order that has this id, or that an event with this id belongs to."""

    def find(transaction: Transaction) -> list[Any]:
        return transaction.select(RECORDED, [wanted])

    rows = await sources.monitor.read(find)
    return f"/orders/{rows[0].order_id}#event-{wanted}" if rows else f"/orders/{wanted}"
