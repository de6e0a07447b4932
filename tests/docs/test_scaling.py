"""The page about scaling has the tables of the newest results."""

from statistics import fmean
from typing import Any

import pytest

from benchmarks import front, results, scaling, simulation
from benchmarks.queues import MIX
from benchmarks.simulation import stamp
from tests.performance.test_records import ORDERS

TEXT = scaling.PAGE.read_text(encoding="utf-8")
COMMAND = ".venv-dev/bin/python -m benchmarks.scaling"


@pytest.fixture
def found() -> dict[str, Any]:
    return results.load(simulation.RESULTS)


def test_the_tables_are_what_the_results_say(found: dict[str, Any]) -> None:
    if text := "\n\n".join(scaling.report(found)):
        assert scaling.block("scaling", text) in TEXT, f"docs/scaling.md is stale; run `{COMMAND}`"


def test_the_simulation_is_of_the_newest_latencies(found: dict[str, Any]) -> None:
    if simulation.measured(found):
        assert stamp(found["latency"]) in TEXT, f"docs/scaling.md is stale; run `{COMMAND}`"


def test_the_figures_of_the_readme_are_those_of_the_results(found: dict[str, Any]) -> None:
    if text := "\n\n".join(front.report(found)):
        assert scaling.block("figures", text) in scaling.README.read_text(encoding="utf-8"), f"stale; run `{COMMAND}`"


@pytest.mark.parametrize("name", scaling.BLOCKS)
def test_the_page_has_a_place_for_each_table(name: str) -> None:
    assert TEXT.count(f"<!-- {name} -->") == TEXT.count(f"<!-- end of {name} -->") == 1


def test_results_that_do_not_suffice_leave_the_page_as_it_is() -> None:
    assert scaling.page({}, TEXT) == TEXT


def test_the_bytes_of_an_order_are_those_of_its_records() -> None:
    mean = fmean(ORDERS[flow] for flow in MIX)
    assert pytest.approx(mean, rel=0.02) == scaling.RECORD_BYTES
