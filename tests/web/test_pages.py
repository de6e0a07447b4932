"""What holds for every page: it is found by links, and those who do not see it or use no mouse can use it."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest

from farandole.web import pages
from farandole.web.sources import Sources
from tests.web.html import Element
from tests.web.site import Site
from tests.web.walk import HTML, kind_of, walked

ATTACK = "<script>alert(1)</script>"
FIELDS = ("input", "select", "textarea")


@pytest.fixture(scope="module")
def all_pages(running: Site) -> Mapping[str, Element]:
    """Pages and pieces of a system that has seen all there is to see."""
    orders = [running.danced(flow, ATTACK) for flow in ("happy", "payment-failure", "stock-failure")]
    running.parked(orders[0])
    return walked(running, "/", *(f"/orders/{order_id}" for order_id in orders))


@pytest.fixture(scope="module")
def whole(all_pages: Mapping[str, Element]) -> Mapping[str, Element]:
    """Those that are no pieces."""
    return {address: page for address, page in all_pages.items() if any(page.all("html"))}


def test_links_lead_to_every_page(running: Site, all_pages: Mapping[str, Element]) -> None:
    monitor = running.running.workers["monitor"]
    there = {route.path for route in pages.routes(Sources(monitor, {})) if (route.method, route.media) == ("GET", HTML)}
    assert there - {kind_of(running, address).partition("?")[0] for address in all_pages} == set()


def test_a_page_has_a_language_a_title_and_one_heading_above_all(whole: Mapping[str, Element]) -> None:
    for address, page in whole.items():
        (html,), (head,), (first,) = page.all("html"), page.all("head"), page.all("h1")
        (title,) = head.all("title")
        assert (html["lang"], bool(title.text), bool(first.text)) == ("en", True, True), address
        levels = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
        assert all(after - before <= 1 for before, after in pairwise(levels)), (address, levels)


def test_a_page_has_landmarks_and_tells_them_apart(whole: Mapping[str, Element]) -> None:
    for address, page in whole.items():
        assert [len(list(page.all(landmark))) for landmark in ("header", "main")] == [1, 1], address
        assert not [nav for nav in page.all("nav") if not nav["aria-label"]], address
        outside = [element.tag for element in page.all("h1", "table", "form") if not _inside(element)]
        assert outside == [], address


def _inside(element: Element) -> bool:
    return element.within("main") or element.within("header")


def test_every_field_and_every_button_says_what_it_is(all_pages: Mapping[str, Element]) -> None:
    for address, page in all_pages.items():
        named = {label["for"] for label in page.all("label")}
        fields = [field for field in page.all(*FIELDS) if field["type"] not in {"hidden", "submit"}]
        silent = [f for f in fields if not (f.within("label") or f["aria-label"] or f["id"] in named - {""})]
        silent += [control for control in page.all("a", "button", "summary") if not _name(control)]
        assert [(element.tag, element.attributes) for element in silent] == [], address


def _name(control: Element) -> str:
    return control.text or control["aria-label"]


def test_every_column_of_a_table_has_a_heading(all_pages: Mapping[str, Element]) -> None:
    for address, page in all_pages.items():
        for table in page.all("table"):
            assert list(table.all("th")), f"{address}: a table without headings"
            for row in table.all("tr"):
                assert len(list(row.all("th", "td"))) in {0, *_widths(table)}, f"{address}: {row.text}"


def _widths(table: Element) -> set[int]:
    """How many columns the rows with headings have."""
    return {len(list(row.all("th", "td"))) for row in table.all("tr") if any(row.all("th"))}


def test_every_image_says_what_it_shows_or_that_it_shows_nothing(all_pages: Mapping[str, Element]) -> None:
    for address, page in all_pages.items():
        said = [image["aria-hidden"] or image["aria-label"] or image["aria-labelledby"] for image in page.all("svg")]
        assert all(said), address
        assert all("alt" in image.attributes for image in page.all("img")), address


def test_no_name_is_given_twice(all_pages: Mapping[str, Element]) -> None:
    for address, page in all_pages.items():
        names = Counter(element["id"] for element in page.all() if element["id"])
        assert [name for name, count in names.items() if count > 1] == [], address
        told = {
            n
            for element in page.all()
            for n in (*element["aria-labelledby"].split(), *element["aria-controls"].split())
        }
        assert told - set(names) == set(), address


def test_what_somebody_else_wrote_is_text_on_every_page(all_pages: Mapping[str, Element]) -> None:
    shown = [address for address, page in all_pages.items() if ATTACK in page.text]
    assert shown
    for address, page in all_pages.items():
        assert [script.text for script in page.all("script") if script.text] == [], address
        handlers = [name for element in page.all() for name in element.attributes if name.startswith("on")]
        assert handlers == [], address
