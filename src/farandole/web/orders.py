"""The first page, the newest orders; and one order, live."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from farandole.http import parameters
from farandole.http.routes import Route, get
from farandole.monitor.storage import RECORDED
from farandole.monitor.timeline import diagram, expected, in_causal_order
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

    async def one(request: Request) -> Response:
        order_id = parameters.path_id(request, "order_id")
        order = await sources.get("order", f"/api/orders/{order_id}")
        rows = await sources.monitor.read(lambda transaction: transaction.select(RECORDED, [order_id], by="order_id"))
        if order is None and not rows:
            return page("unknown.html", 404, what="order", wanted=order_id)
        template = "_order.html" if partial(request) else "order.html"
        steps = in_causal_order(rows)
        return page(
            template, order_id=order_id, order=order, steps=steps, expected=expected(rows), diagram=diagram(rows)
        )

    return (
        get("/", newest, "The newest orders, to look at", tag="pages", answer=str, media="text/html"),
        get("/orders/{order_id}", one, "One order's dance, to look at", tag="pages", answer=str, media="text/html"),
    )


def _wanted(request: Request) -> dict[str, str]:
    return {name: value for name in ("status", "customer_id", "cursor") if (value := request.query_params.get(name))}
