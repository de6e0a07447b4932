"""A drawing has exactly the arrows of the specification, and tells of each whether and when it was."""

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from farandole.contract.choreography import HAPPY, flow
from farandole.contract.diagram import flow_diagram
from farandole.monitor.domain import Recorded
from farandole.monitor.timeline import flow_name
from farandole.web.dance import COARSE, drawn, hops
from farandole.web.drawing import draw
from farandole.web.spans import span
from tests.web.dances import FLOWS, LANDS, STEP, recorded

GOLDEN = Path(__file__).parent / "golden"
"""Drawings as they were looked at once; a changed one is written by `python -m tests.web.golden`."""
SVG = "{http://www.w3.org/2000/svg}"


def image(rows: list[Recorded], usual: int | None = None) -> str:
    times = {} if usual is None else dict.fromkeys(flow(flow_name(rows)), usual)
    return draw(drawn(rows, times), flow_name(rows), "An order")


def texts(element: ElementTree.Element, kind: str) -> list[str]:
    found = element.iter(f"{SVG}text")
    return [text.text or "" for text in found if kind in (text.get("class") or "").split()]


def arrows(svg: str, kind: str = "") -> list[ElementTree.Element]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return [arrow for arrow in found if {"arrow", kind or "arrow"} <= set((arrow.get("class") or "").split())]


def words(svg: str, kind: str = "") -> list[str]:
    return [word for arrow in arrows(svg, kind) for word in texts(arrow, "words")]


@pytest.mark.parametrize("name", FLOWS)
def test_a_drawing_says_what_the_specification_says(name: str) -> None:
    svg = image(recorded(name))
    mermaid = flow_diagram(name)
    assert words(svg) == re.findall(r"->>\w+: (.*)", mermaid)
    root = ElementTree.fromstring(svg)
    assert texts(root, "lane-name") == re.findall(r"participant (\w+)", mermaid)
    assert texts(root, "par-name") == re.findall(r"^ +((?:par|and) .*)$", mermaid, re.MULTILINE)


@pytest.mark.parametrize("name", FLOWS)
def test_a_drawing_is_as_it_was_looked_at(name: str) -> None:
    assert image(recorded(name)) + "\n" == (GOLDEN / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("count", range(7))
def test_what_is_not_taken_is_faint_and_what_is_taken_is_not(name: str, count: int) -> None:
    rows = recorded(name)[:count]
    svg = image(rows)
    steps = [step for step in drawn(rows, {}) if step.since]
    assert len(steps) == len(rows)
    assert len(words(svg)) == len(words(svg, "expected")) + len(words(svg, "taken")) + len(words(svg, "compensation"))
    whole = words(image(recorded(flow_name(rows))))
    assert words(svg) == whole
    assert words(svg, "expected") == whole[len(whole) - len(words(svg, "expected")) :]


def test_nothing_heard_of_is_the_happy_dance_still_to_come() -> None:
    assert words(image([]), "expected") == words(image(recorded(HAPPY)))


def test_a_compensation_looks_like_one() -> None:
    assert "Release stock (compensating transaction)" in words(image(recorded("payment-failure")), "compensation")


def test_each_arrow_has_its_time_and_its_moment() -> None:
    found = arrows(image(recorded(HAPPY)))
    times = [texts(arrow, "time") for arrow in found]
    decided = [0, 0, LANDS, STEP, STEP, STEP + LANDS, 2 * STEP, 2 * STEP, 2 * STEP + LANDS]
    assert times[:9] == [[f"+{span(at)}"] for at in decided]
    assert [arrow.findtext(f"{SVG}title") for arrow in found[:3]] == [
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:00.004100Z",
    ]


def test_what_is_usual_is_said_once_a_step_and_only_where_it_was_measured() -> None:
    rows = recorded(HAPPY)[:2]
    expected = arrows(image(rows, usual=12_000), "expected")
    assert [time for arrow in expected for time in texts(arrow, "time")] == ["usually 12 ms"] * 3
    assert [time for arrow in arrows(image(rows), "expected") for time in texts(arrow, "time")] == []


def test_what_was_said_again_is_marked_at_the_arrow_that_says_it() -> None:
    rows = [msgspec.structs.replace(row, repeats=2 if row.said == "order.paid" else None) for row in recorded(HAPPY)]
    marked = [arrow for arrow in arrows(image(rows)) if texts(arrow, "again")]
    assert [(texts(arrow, "words"), texts(arrow, "again")) for arrow in marked] == [
        (["Publish order.paid"], ["said 3 times"])
    ]


def test_the_drawing_is_told_in_words_too() -> None:
    root = ElementTree.fromstring(image(recorded(HAPPY)[:1]))
    labels = (root.get("aria-labelledby") or "").split()
    title, told = (element.text or "" for element in root if element.get("id") in labels)
    assert (root.get("role"), title) == ("img", "An order")
    assert told.startswith("Client to OrderService: POST /api/orders (taken, +0.0 ms).")
    assert told.endswith("NotificationService to NotificationService: Send notification (email/SMS) (expected).")


def test_a_drawing_has_no_colour_and_no_style_of_its_own() -> None:
    svg = image(recorded("payment-failure"))
    assert not re.search(r"style|fill=|stroke|#[0-9a-f]{3}|javascript", svg)


def test_what_somebody_writes_is_escaped() -> None:
    svg = draw(drawn([], {}), HAPPY, "<script>alert(1)</script>")
    assert "<script" not in svg
    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == "<script>alert(1)</script>"


def test_a_hop_is_what_was_waited_and_what_publishing_took() -> None:
    found = hops(recorded(HAPPY))
    assert [(hop.waited, hop.published) for hop in found] == [(None, LANDS), *[(STEP - LANDS, LANDS)] * 4]
    assert [hop.start for hop in found[1:]] == [hop.end for hop in found[:-1]]


def test_a_transport_that_counts_whole_milliseconds_is_not_before_the_decision() -> None:
    rows = [msgspec.structs.replace(row, landed_at=row.decided_at - COARSE + 1) for row in recorded(HAPPY)]
    assert {hop.published for hop in hops(rows)} == {0}
    assert {hop.waited for hop in hops(rows)} == {None, STEP}


def test_clocks_that_disagree_are_shown_as_they_are() -> None:
    rows = [msgspec.structs.replace(row, landed_at=row.decided_at - 50_000) for row in recorded(HAPPY)]
    assert {hop.published for hop in hops(rows)} == {-50_000}
    assert span(-50_000) == "\N{MINUS SIGN}50 ms"


def test_what_the_transport_did_not_tell_is_not_made_up() -> None:
    rows = [msgspec.structs.replace(row, landed_at=None) for row in recorded(HAPPY)]
    assert {(hop.waited, hop.published) for hop in hops(rows)} == {(None, None)}
    leaving = [arrow for arrow in arrows(image(rows)) if "Publish" in texts(arrow, "words")[0]]
    assert [texts(arrow, "time") for arrow in leaving] == [[]] * 4


@pytest.mark.parametrize("missing", range(5))
def test_a_step_that_is_recorded_late_leaves_no_hole_in_the_page(missing: int) -> None:
    rows = [row for row in recorded(HAPPY) if row.number != missing + 1]
    assert len(words(image(rows))) == len(words(image(recorded(HAPPY))))
    assert len(hops(rows)) == 4


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (0, "0.0 ms"),
        (449, "0.4 ms"),
        (12_400, "12 ms"),
        (999_000, "999 ms"),
        (3_210_000, "3.21 s"),
        (192_000_000, "3 min 12 s"),
        (7_500_000_000, "2 h 5 min"),
        (90_000_000_000, "1 d 1 h"),
    ],
)
def test_a_span_is_read_in_its_own_units(micros: int, words: str) -> None:
    assert span(micros) == words
