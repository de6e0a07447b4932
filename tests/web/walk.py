"""Every page, and every piece that a page fetches: one address of each kind."""

from collections import deque
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from starlette.routing import Match, Router

from farandole.http.routes import Resource
from tests.web.html import Element, read
from tests.web.site import Site

HTML = "text/html"


def walked(site: Site, *first: str) -> dict[str, Element]:
    """Pages by address, beginning with these; a link to nowhere, or out of the site, is an error."""
    pages: dict[str, Element] = {}
    coming, kinds = deque(first), set[str]()
    while coming:
        address = coming.popleft()
        if (kind := kind_of(site, address)) in kinds:
            continue
        kinds.add(kind)
        answer = site.client.get(address, headers={"Accept": HTML})
        assert answer.is_success, f"{address}: {answer.status_code}"
        if answer.headers["content-type"].startswith(HTML):
            pages[address] = read(answer.text)
            coming.extend(links(pages[address], address))
    return pages


def links(page: Element, address: str) -> Iterator[str]:
    """Where a page's links lead; those to a part of itself must find it."""
    names = {element["id"] for element in page.all()}
    for link in page.all():
        if not (way := link["href" if link.tag == "a" else "hx-get"]):
            continue
        target, part = urldefrag(urljoin(address, way))
        assert not urlsplit(target).netloc, f"{address}: a link out of the site: {target}"
        assert target != address or part in {"", *names}, f"{address}: a link to #{part}, which is not there"
        yield target


def kind_of(site: Site, address: str) -> str:
    """The route of an address, and what is asked of it."""
    parts = httpx.URL(address)
    return f"{path_of(site, parts.path)}?{'&'.join(sorted(parts.params))}".removesuffix("?")


def path_of(site: Site, path: str) -> str:
    """The path of the route that answers, with the names of its parameters."""
    app = site.running.app
    assert isinstance(app, Router)
    for route in app.routes:
        if isinstance(route, Resource) and route.matches({"type": "http", "path": path})[0] is Match.FULL:
            return route.path
    raise AssertionError(f"no route answers {path}")
