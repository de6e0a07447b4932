"""Every page, and what pages are made of."""

from farandole.http.routes import Route
from farandole.web import assets, order, orders
from farandole.web.sources import Sources


def routes(sources: Sources) -> tuple[Route, ...]:
    return (*orders.routes(sources), *order.routes(sources), *assets.routes())
