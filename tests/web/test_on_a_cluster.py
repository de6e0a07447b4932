"""The pages in a real Chromium, in front of five processes on a real Kafka and PostgreSQL."""

import pytest
from playwright.sync_api import Locator, Page, expect

from farandole.proof.ground.cluster import Cluster
from tests.support.doctor import start_again, start_all
from tests.web.conftest import Look
from tests.web.test_in_a_browser import STAYED, progress

GONE = "the payment group has had no member since"


def told(page: Page) -> Locator:
    return page.locator("#doctor")


def place_by_form(page: Page, kind: str = "are completed", count: int = 1) -> None:
    page.goto("/")
    page.get_by_label("Such as").select_option(label=kind)
    page.get_by_label("How many").fill(str(count))
    with page.expect_navigation():
        page.get_by_role("button", name="Place").click()


@pytest.mark.timeout(240)
def test_what_a_killed_payment_process_holds_up_is_seen_and_told_until_it_is_back(cluster: Cluster, look: Look) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    page, doctor = look(url, "/"), look(url, "/doctor")
    place_by_form(page)
    expect(progress(page)).to_contain_text("All 5 steps taken, in")
    expect(told(doctor)).to_contain_text("All is well")
    doctor.evaluate(f"{STAYED} = true")

    members["payment"].kill()
    place_by_form(page)
    page.evaluate(f"{STAYED} = true")
    expect(progress(page)).to_have_text("2 of 5 steps taken.")
    expect(told(doctor)).to_contain_text(f"1 order, 4.50 USD, waits at payment: {GONE}")
    expect(page.locator("#order-doctor")).to_contain_text(GONE)

    start_again(cluster, members, "payment")
    expect(progress(page)).to_contain_text("All 5 steps taken, in")
    expect(page.locator(".status")).to_have_text("COMPLETED")
    expect(page.locator(".dance .arrow.expected")).to_have_count(0)
    expect(page.locator("#order-doctor")).not_to_contain_text(GONE)
    expect(told(doctor)).to_contain_text("All is well")
    assert page.evaluate(STAYED)
    assert doctor.evaluate(STAYED)
