"""What is on the shelf, what was paid, and what was written to whom: each asked of the service that knows it."""

from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import uuid7

from farandole.contract.events import UUID
from farandole.http import parameters
from farandole.http.problems import FieldError, Problem, invalid, unknown
from farandole.http.routes import Route, get, post
from farandole.services.inventory.api import SKU
from farandole.web import forms
from farandole.web.branches import ask
from farandole.web.layout import HTML, page
from farandole.web.sources import Sources

LOW: Final = 10
"""Units below which stock is low, unless the address says otherwise."""
_LOW: Final = "0|[1-9][0-9]{0,9}"


def routes(sources: Sources) -> tuple[Route, ...]:
    async def stock(request: Request) -> Response:
        low = int(parameters.matching(request, "low", _LOW) or LOW)
        found = await _page(sources, "inventory", "/api/stock", request)
        received = request.query_params.get("received", "")[:64]
        return page("stock.html", stock=found, low=low, received=received, key=str(uuid7()))

    async def receive(request: Request) -> Response:
        fields = await forms.read(request)
        sku, quantity = fields.get("sku", ""), fields.get("quantity", "")
        if not parameters.fits(SKU, sku) or sku in (".", ".."):
            raise invalid(FieldError("sku", "expected 1 to 64 of A-Z a-z 0-9 . _ -"))
        if not parameters.fits("[1-9][0-9]{0,9}", quantity):
            raise invalid(FieldError("quantity", "expected an integer 1 to 1000000000"))
        client = sources.branches.get("inventory")
        if client is None:
            raise Problem(503, "the address of the inventory service is not known here")
        key = fields.get("key", "")
        headers = {"Idempotency-Key": key} if parameters.fits(UUID, key) else {}
        answer = await ask(
            client, "POST", f"/api/stock/{sku}/receipts", json={"quantity": int(quantity)}, headers=headers
        )
        if not answer.is_success:
            problem = answer.json()
            raise Problem(answer.status_code, problem.get("detail"), errors=problem.get("errors", ()))
        return forms.see(f"/stock?{urlencode({'received': sku})}")

    async def payments(request: Request) -> Response:
        return page("payments.html", payments=await _page(sources, "payment", "/api/payments", request))

    async def notifications(request: Request) -> Response:
        order_id = parameters.matching(request, "order_id", UUID) if request.query_params.get("order_id") else None
        query = {"order_id": order_id} if order_id else {}
        found = await sources.get("notification", "/api/notifications", query)
        return page("notifications.html", notifications=found or {"items": []}, order_id=order_id or "")

    return (
        get("/stock", forms.shown(stock), "Stock, to look at", **HTML),
        post("/stock/receipts", forms.shown(receive), "Receive goods", **HTML),
        get("/payments", forms.shown(payments), "Payments, to look at", **HTML),
        get("/notifications", forms.shown(notifications), "Notifications, as they were written", **HTML),
    )


async def _page(sources: Sources, service: str, path: str, request: Request) -> Any:
    cursor = request.query_params.get("cursor")
    found = await sources.get(service, path, {"cursor": cursor} if cursor else {})
    if found is None and cursor:
        raise unknown("page of this list")
    return found or {"items": [], "next_cursor": None}
