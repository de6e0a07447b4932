"""The first page: orders are found by id, event, customer, status and age, and placed by a form of this address only."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime import settings
from farandole.runtime.embedded import Embedded
from farandole.web.placing import MOST
from tests.http.conftest import Client

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Client]:
    with Embedded(settings.load({}), tmp_path / "data") as running:
        yield Client(running.app)


def shown(system: Client, query: str = "") -> list[str]:
    return re.findall(r'href="/orders/([^"]*)"', system.get(f"/?{query}").text)


def test_a_form_places_one_of_each_kind_and_they_are_found(system: Client) -> None:
    assert 'href="#place"' in system.get("/").text
    answer = system.post("/place", content="kind=one+of+each&count=3", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for status in ("COMPLETED", "PAYMENT_FAILED", "FAILED"):
        drive_until(lambda status=status: len(shown(system, f"status={status}")) == 1, pause)  # type: ignore[misc]
    assert len(shown(system, "q=visitor")) == 3
    assert shown(system, "q=nobody") == []
    assert "All orders" in system.get("/?q=nobody").text
    assert shown(system, "older=3600") == []
    (completed,) = shown(system, "q=visitor&status=COMPLETED")
    assert system.get(f"/?q={completed}").headers["location"] == f"/orders/{completed}"
    drive_until(lambda: system.get(f"/api/orders/{completed}/timeline").is_success, pause)
    event = system.get(f"/api/orders/{completed}/timeline").json()["steps"][-1]["event_id"]
    assert system.get(f"/?q={event}").headers["location"] == f"/orders/{completed}#event-{event}"


def test_a_burst_is_bounded(system: Client) -> None:
    answer = system.post("/place", content=f"kind=stock-failure&count={MOST}", headers=FORM)
    assert answer.status_code == 303
    assert len(system.get("/api/orders?limit=200").json()["items"]) == MOST
    for fields in (f"count={MOST + 1}", "count=0", "count=x", "kind=another"):
        assert system.post("/place", content=fields, headers=FORM).status_code == 422


def test_one_order_is_looked_at(system: Client) -> None:
    answer = system.post("/place", content="kind=happy&count=1", headers=FORM)
    assert answer.headers["location"] == f"/orders/{shown(system)[0]}"


def test_another_sites_page_places_nothing(system: Client) -> None:
    theirs = FORM | {"Sec-Fetch-Site": "cross-site"}
    assert system.post("/place", content="kind=happy&count=1", headers=theirs).status_code == 403
    assert shown(system) == []
