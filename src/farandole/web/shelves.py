"""What is on the shelf, what was paid, and what was written to whom: each asked of the service that knows it."""

from typing import Any, Final
from urllib.parse import urlencode

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import uuid7

from farandole.contract.events import UUID
from farandole.http import parameters
from farandole.http.problems import FieldError, Problem, invalid
from farandole.http.routes import Route, get, post
from farandole.services.inventory.api import SKU
from farandole.services.notification.api import Sending
from farandole.services.notification.domain import Channel
from farandole.services.payment.domain import Paid
from farandole.web import forms
from farandole.web.ages import AGES, asked
from farandole.web.branches import ask
from farandole.web.layout import HTML, page
from farandole.web.sources import Sources

LOW: Final = 10
"""Units below which stock is low, unless the address says otherwise."""
_LOW: Final = "0|[1-9][0-9]{0,9}"


def routes(sources: Sources) -> tuple[Route, ...]:
    async def stock(request: Request) -> Response:
        query = _query(request, "low", "only", "cursor")
        low = int(parameters.matching(request, "low", _LOW) or LOW) if "low" in query else LOW
        below = {"below": str(max(low, 1))} if "only" in query else {}
        found = await _list(sources, "inventory", "/api/stock", _of_page(query) | below)
        received = request.query_params.get("received", "")[:64]
        return page("stock.html", stock=found, query=query, low=low, received=received, key=str(uuid7()))

    async def receive(request: Request) -> Response:
        fields = await forms.read(request)
        sku, quantity = fields.get("sku", ""), fields.get("quantity", "")
        if not parameters.fits(SKU, sku) or sku in (".", ".."):
            raise invalid(FieldError("sku", "expected 1 to 64 of A-Z a-z 0-9 . _ -"))
        if not parameters.fits("[1-9][0-9]{0,9}", quantity):
            raise invalid(FieldError("quantity", "expected an integer 1 to 1000000000"))
        key = fields.get("key", "")
        headers = {"Idempotency-Key": key} if parameters.fits(UUID, key) else {}
        goods = {"json": {"quantity": int(quantity)}, "headers": headers}
        _good(await _asked(sources, "inventory", "POST", f"/api/stock/{sku}/receipts", **goods))
        return forms.see(f"/stock?{urlencode({'received': sku})}")

    async def payments(request: Request) -> Response:
        query = _query(request, "order_id", "status", "older", "cursor")
        if order_id := query.get("order_id"):
            query = {"order_id": order_id}
            found = await _payment_of(sources, order_id)
        else:
            found = await _list(sources, "payment", "/api/payments", asked(query))
        return page("payments.html", payments=found, query=query, statuses=list(Paid), ages=AGES)

    async def notifications(request: Request) -> Response:
        query = _query(request, "order_id", "to", "status", "channel", "cursor")
        found = await _list(sources, "notification", "/api/notifications", query)
        return page(
            "notifications.html", notifications=found, query=query, statuses=list(Sending), channels=list(Channel)
        )

    return (
        get("/stock", forms.shown(stock), "Stock, to look at", **HTML),
        post("/stock/receipts", forms.shown(receive), "Receive goods", **HTML),
        get("/payments", forms.shown(payments), "Payments, to look at", **HTML),
        get("/notifications", forms.shown(notifications), "Notifications, as they were written", **HTML),
    )


def _query(request: Request, *names: str) -> dict[str, str]:
    """What is asked of a page; a form sends also what was left empty."""
    return {name: value for name in names if (value := request.query_params.get(name, "").strip())}


def _of_page(query: dict[str, str]) -> dict[str, str]:
    return {"cursor": query["cursor"]} if "cursor" in query else {}


async def _payment_of(sources: Sources, order_id: str) -> Any:
    """A list of the payment of one order, or of nothing."""
    if not parameters.fits(UUID, order_id):
        raise invalid(FieldError("order_id", "expected the id of an order"))
    answer = await _asked(sources, "payment", "GET", f"/api/payments/{order_id}")
    found = [] if answer.status_code == httpx.codes.NOT_FOUND else [_good(answer)]
    return {"items": found, "next_cursor": None}


async def _list(sources: Sources, service: str, path: str, query: dict[str, str]) -> Any:
    found = _good(await _asked(sources, service, "GET", path, params=query))
    return {"next_cursor": None} | found  # an older version may list without pages


async def _asked(sources: Sources, service: str, method: str, path: str, **more: Any) -> httpx.Response:
    client = sources.branches.get(service)
    if client is None:
        raise Problem(503, f"the address of the {service} service is not known here")
    return await ask(client, method, path, **more)


def _good(answer: httpx.Response) -> Any:
    """What was answered; its problem where there was one."""
    try:
        found = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:  # what stands before a service may answer for it
        raise Problem(503, f"expected JSON, found an answer with {answer.status_code} that is not") from None
    if not answer.is_success:
        raise Problem(answer.status_code, found.get("detail"), errors=found.get("errors", ()))
    return found
