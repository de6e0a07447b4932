"""The first page: the newest orders."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from farandole.http.routes import Route, get
from farandole.web.layout import page, partial
from farandole.web.sources import Sources

STATUSES = ("PENDING", "COMPLETED", "PAYMENT_FAILED", "FAILED")


def routes(sources: Sources) -> tuple[Route, ...]:
    async def newest(request: Request) -> Response:
        if "order" in request.query_params:
            return RedirectResponse(f"/orders/{request.query_params['order']}", 302)
        found = await sources.get("order", "/api/orders", _wanted(request)) or {"items": [], "next_cursor": None}
        template = "_orders.html" if partial(request) else "orders.html"
        return page(template, orders=found, query=_wanted(request), statuses=STATUSES)

    return (get("/", newest, "The newest orders, to look at", tag="pages", answer=str, media="text/html"),)


def _wanted(request: Request) -> dict[str, str]:
    return {name: value for name in ("status", "customer_id", "cursor") if (value := request.query_params.get(name))}
