"""The pages in a real Chromium: what a script makes of them, how they look, and that a keyboard is enough."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from farandole.proof.ground.waiting import drive_until, pause
from tests.web.browser import PATIENCE, PHONE
from tests.web.conftest import Open
from tests.web.site import Site
from tests.web.walk import walked

ATTACK = "<script>alert(1)</script>"
BROKEN = ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", "[object Event]")
"""What a browser and the SSE extension say of it."""
CONTROLS = """[...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")]
  .filter((found) => found.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}))"""
LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
PAINTED = """document.querySelector("[data-chart='ended'] canvas").toDataURL()"""
STAYED = "window.stayed"
"""A variable that is lost when a page is loaded anew."""


def progress(page: Page) -> Locator:
    return page.locator("#progress")


def test_the_dance_of_an_order_grows_while_it_is_danced(running: Site, visit: Open) -> None:
    with running.held("notification"):
        with running.held("payment"):
            page = visit(f"/orders/{running.place()}")
            expect(progress(page)).to_have_text("2 of 5 steps taken.")
            expect(page.locator(".dance .arrow")).to_have_count(14)
            expect(page.locator(".dance .arrow.expected")).to_have_count(8)
            page.evaluate(f"{STAYED} = true")
        expect(progress(page)).to_have_text("4 of 5 steps taken.")
        expect(page.locator(".dance .arrow.expected")).to_have_count(2)
        page.get_by_text("said by payment").click()
    expect(progress(page)).to_contain_text("All 5 steps taken, in")
    expect(page.locator(".dance .arrow.expected")).to_have_count(0)
    expect(page.locator("details[open]")).to_contain_text("said by payment")
    assert page.evaluate(STAYED)


def test_a_failure_turns_what_was_expected_into_what_undoes(running: Site, visit: Open) -> None:
    with running.held("payment"):
        page = visit(f"/orders/{running.place('payment-failure')}")
        expect(progress(page)).to_have_text("2 of 5 steps taken.")
    expect(progress(page)).to_contain_text("All 6 steps taken, in")
    expect(page.locator(".dance .arrow.compensation").first).to_be_visible()
    expect(page.locator(".status")).to_have_text("PAYMENT_FAILED")


def test_a_dance_goes_on_growing_after_the_connection_broke(running: Site, visit: Open, complaints: list[str]) -> None:
    with running.held("notification"):
        with running.held("payment"):
            page = visit(f"/orders/{running.place()}")
            expect(progress(page)).to_have_text("2 of 5 steps taken.")
            page.evaluate(f"{STAYED} = true")
            running.cut()
        expect(progress(page)).to_have_text("4 of 5 steps taken.")
    expect(progress(page)).to_contain_text("All 5 steps taken")
    assert page.evaluate(STAYED)
    assert [said for said in complaints if not said.endswith(BROKEN)] == []
    complaints.clear()


def test_orders_are_found_by_their_customer_and_their_status(running: Site, visit: Open) -> None:
    mine = [running.danced(flow, "searched-for") for flow in ("happy", "stock-failure")]
    others = running.danced("happy", "somebody-else")
    page = visit("/")
    expect(page.get_by_role("link", name=others)).to_be_visible()
    page.get_by_label("Customer").fill("searched-for")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody a.id")).to_have_text(list(reversed(mine)))
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody a.id")).to_have_text([mine[1]])
    page.goto(page.url)
    expect(page.locator("tbody a.id")).to_have_text([mine[1]])
    page.get_by_role("link", name=mine[1]).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(mine[1])


def test_orders_are_found_by_the_address_of_their_customer(running: Site, visit: Open) -> None:
    mine = running.danced("happy", "whose-address-is-known")
    address = running.client.get(f"/api/orders/{mine}").json()["customer"]["email"]
    page = visit("/")
    page.get_by_role("searchbox").fill(address.upper())
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=mine)).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value(address.upper())


@pytest.mark.parametrize("known", ["order", "event"])
def test_an_order_is_found_by_its_id_and_by_that_of_an_event(running: Site, visit: Open, known: str) -> None:
    order_id = running.danced()
    event_id = running.client.get(f"/api/orders/{order_id}/timeline").json()["steps"][2]["event_id"]
    page = visit("/")
    page.get_by_role("searchbox").fill({"order": order_id, "event": event_id}[known])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(order_id)


def test_a_burst_from_the_form_is_danced_to_its_end(running: Site, visit: Open) -> None:
    page = visit("/")
    page.get_by_label("How many").fill("21")
    with page.expect_navigation():
        page.get_by_role("button", name="Place").click()
    page.get_by_role("searchbox").fill("visitor")
    page.keyboard.press("Enter")
    for status in ("COMPLETED", "PAYMENT_FAILED", "FAILED"):
        expect(page.locator("td").get_by_text(status, exact=True)).to_have_count(7)
    expect(page.locator("td").get_by_text("PENDING")).to_have_count(0)


def test_a_new_order_is_among_the_newest_without_loading_the_page(running: Site, visit: Open) -> None:
    page = visit("/")
    page.evaluate(f"{STAYED} = true")
    expect(page.get_by_role("link", name=running.place())).to_be_visible()
    assert page.evaluate(STAYED)


def test_the_floor_and_its_curves_move_without_loading_the_page(running: Site, visit: Open) -> None:
    page = visit("/system")
    expect(page.locator(".chart canvas")).to_have_count(4)
    page.evaluate(f"{STAYED} = true")
    before = page.evaluate(PAINTED)
    newest = running.danced("stock-failure")
    expect(page.locator("#newest").get_by_role("link", name=newest)).to_be_visible()
    page.wait_for_function(f"(before) => {PAINTED} !== before", arg=before, timeout=PATIENCE)
    expect(page.locator("[data-told]")).to_contain_text("A point is")
    assert page.evaluate(STAYED)


def test_what_a_customer_is_called_is_not_run(running: Site, visit: Open) -> None:
    order_id = running.danced(customer=ATTACK)
    page = visit(f"/orders/{order_id}")
    expect(page.locator(".facts")).to_contain_text(ATTACK)
    expect(page.locator("details pre").first).to_contain_text(ATTACK)
    expect(visit("/").get_by_text(ATTACK).first).to_be_visible()


def test_a_dead_letter_is_previewed_and_replayed_from_its_page(running: Site, visit: Open) -> None:
    order_id = running.danced()
    letter_id = running.parked(order_id)
    page = visit(f"/orders/{order_id}")
    page.get_by_role("link", name=letter_id).click()
    page.get_by_role("button", name="Preview a replay").click()
    expect(page.get_by_role("status")).to_contain_text("It would not be decided")
    assert running.letters(order_id)[0]["state"] == "OPEN"
    page.get_by_label("Why").fill("to see it fail")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator("table")).to_contain_text("to see it fail")
    page.get_by_label("Why").fill("a stranger wrote it")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("main")).to_contain_text("DISCARDED")
    assert running.letters(order_id)[0]["state"] == "DISCARDED"


def test_an_order_that_a_bug_held_up_is_danced_to_its_end_by_a_replay_from_the_page(running: Site, visit: Open) -> None:
    with running.buggy():
        order_id = running.place()
        drive_until(lambda: running.letters(order_id), pause)
        (letter,) = running.letters(order_id)
        page = visit(f"/dead-letters/{letter['id']}")
        page.get_by_role("button", name="Preview a replay").click()
        expect(page.get_by_role("status")).to_contain_text("It would not be decided")
    page.get_by_role("button", name="Preview a replay").click()
    expect(page.get_by_role("status")).to_contain_text("order.paid")
    page.get_by_label("Why").fill("the bug is gone")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator("main")).to_contain_text("REPLAYED")
    page.goto(f"/orders/{order_id}")
    expect(progress(page)).to_contain_text("All 5 steps taken")
    expect(page.locator(".status")).to_have_text("COMPLETED")


def test_a_text_to_take_away_is_copied(running: Site, visit: Open) -> None:
    page = visit(f"/orders/{running.danced()}", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#mermaid summary").click()
    page.locator("#mermaid").get_by_role("button").click()
    expect(page.locator("#mermaid").get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#mermaid-text").text_content()


@pytest.fixture(scope="module")
def addresses(running: Site) -> list[str]:
    """One page of each kind, and an order of each flow, one with a parked event."""
    orders = [running.danced(flow) for flow in ("happy", "payment-failure", "stock-failure")]
    running.parked(orders[0])
    pages = walked(running, "/", *(f"/orders/{order_id}" for order_id in orders))
    whole = [address for address, page in pages.items() if any(page.all("html"))]
    return sorted({*whole, *(f"/orders/{order_id}" for order_id in orders)})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_quiet_fits_a_telephone_and_can_be_read(
    visit: Open, addresses: list[str], scheme: Literal["light", "dark"]
) -> None:
    page = visit("/", viewport=PHONE, color_scheme=scheme)
    for address in addresses:
        page.goto(address)
        assert page.evaluate(LOOKS) == {"tooWide": [], "tooFaint": [], "scheme": scheme}, address


def test_a_keyboard_jumps_to_the_content(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("main").locator("a, input, select, button").first).to_be_focused()


def test_a_keyboard_reaches_every_control_in_the_order_of_the_page(running: Site, visit: Open) -> None:
    page = visit(f"/orders/{running.danced()}")
    controls = page.evaluate_handle(CONTROLS)
    count = page.evaluate("(controls) => controls.length", controls)
    reached: list[int] = []
    while len(reached) < count:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(controls) => controls.indexOf(document.activeElement)", controls))
    assert reached == list(range(count))


def test_a_keyboard_keeps_its_place_in_a_list_that_is_fetched_again(running: Site, visit: Open) -> None:
    here = running.danced()
    page = visit("/")
    page.get_by_role("link", name=here).focus()
    expect(page.get_by_role("link", name=running.place())).to_be_visible()
    expect(page.get_by_role("link", name=here)).to_be_focused()
