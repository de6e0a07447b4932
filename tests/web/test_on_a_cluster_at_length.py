"""What takes long to see in a real Chromium on Kafka and PostgreSQL: run by `make proof`, or by `pytest -m proof`."""

import re

import psycopg
import pytest
from playwright.sync_api import expect

from farandole.proof.ground.cluster import SAGA, Cluster, Member
from farandole.proof.ground.postgres import libpq_url
from tests.support.doctor import start_again, start_all
from tests.web.conftest import Look
from tests.web.test_in_a_browser import STAYED, progress
from tests.web.test_on_a_cluster import place_by_form

pytestmark = [pytest.mark.proof, pytest.mark.timeout(240)]
BROKEN = re.compile(
    r": error: (.*net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_\w+)|htmx:\w+, .*|\[object Event\])$"
)
"""What a browser, htmx and its SSE extension say of a server that is away, or went while it was asked."""


def start_monitor(cluster: Cluster, members: dict[str, Member], port: str = "0") -> str:
    """A monitor with the settings that it has by default, which knows where the services are, and its address."""
    urls = {f"FARANDOLE_{name.upper()}_URL": members[name].url for name in SAGA}
    members["monitor"] = cluster.start("monitor", FARANDOLE_PORT=port, **urls)
    cluster.all_ready([member for member in members.values() if member.process.poll() is None])
    return members["monitor"].url


def test_a_dance_goes_on_growing_after_the_monitor_was_killed_and_is_back(
    cluster: Cluster, look: Look, complaints: list[str]
) -> None:
    members = {name: cluster.start(name) for name in SAGA}
    url = start_monitor(cluster, members)
    page = look(url, "/")
    members["payment"].kill()
    place_by_form(page)
    expect(progress(page)).to_have_text("2 of 5 steps taken.")
    page.evaluate(f"{STAYED} = true")
    members["monitor"].kill()
    start_monitor(cluster, members, url.rpartition(":")[2])
    start_again(cluster, members, "payment")
    expect(progress(page)).to_contain_text("All 5 steps taken, in")
    assert page.evaluate(STAYED)
    assert [said for said in complaints if not BROKEN.search(said)] == []
    complaints.clear()


def test_an_order_that_the_database_refused_is_danced_to_its_end_by_a_replay_from_the_page(
    cluster: Cluster, look: Look
) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    page = look(url, "/")
    with psycopg.connect(libpq_url(cluster.databases["payment"]), autocommit=True) as connection:
        connection.execute("ALTER TABLE payments ADD CONSTRAINT nothing CHECK (amount = 0)")
        place_by_form(page)
        expect(page.locator(".parked")).to_contain_text("Parked at payment: its event order.validated was not decided")
        connection.execute("ALTER TABLE payments DROP CONSTRAINT nothing")
    page.locator(".parked a").click()
    page.get_by_role("button", name="Preview a replay").click()
    expect(page.get_by_role("status")).to_contain_text("order.paid")
    page.get_by_label("Who").fill("ada")
    page.get_by_label("Why").fill("the constraint is gone")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator("table")).to_contain_text("the constraint is gone")
    page.get_by_role("link", name="its order").click()
    expect(progress(page)).to_contain_text("All 5 steps taken, in")
    expect(page.locator(".status")).to_have_text("COMPLETED")


def test_a_burst_from_the_form_is_danced_to_its_end(cluster: Cluster, look: Look) -> None:
    page = look(start_all(cluster)["monitor"].url, "/")
    place_by_form(page, "one of each kind, in turn", 48)
    expect(page).to_have_url("/")
    for status in ("COMPLETED", "PAYMENT_FAILED", "FAILED"):
        expect(page.locator("td").get_by_text(status, exact=True)).to_have_count(16)
    page.goto("/ledger")
    expect(page.locator("#ledger")).to_contain_text("Everything agrees")
