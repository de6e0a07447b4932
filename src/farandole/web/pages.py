"""Every page, and what pages are made of."""

from farandole.http.routes import Route
from farandole.web import assets, letters, order, orders, shelves, system
from farandole.web.doctor import routes as doctor
from farandole.web.sources import Sources


def routes(sources: Sources) -> tuple[Route, ...]:
    why = doctor.pages(sources.doctor) if sources.doctor else ()
    return (
        *orders.routes(sources),
        *order.routes(sources),
        *system.routes(sources),
        *letters.routes(sources),
        *shelves.routes(sources),
        *why,
        *assets.routes(),
    )
