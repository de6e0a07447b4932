"""Results of several runs stand together, each with its own circumstances."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import plots, report, results

RECORD = {"date": "2026-01-01T00:00+00:00", "commit": "abc", "load": 0.1, "machine": {"cores": 2}, "sizes": {}}
COSTS = {"order": 80.0, "postgres": 70.0, "kafka": 40.0}
MARKS = [
    {
        "stored": stored,
        "placed": stored,
        "rate": 5_000.0,
        "cpu": COSTS,
        "tables": {"order.orders": {"bytes": 9_000, "dead": 0}},
    }
    for stored in (1_000, 1_000_000)
]
MEMORY = [{"stored": stored, "resident": {"order": 90 * 2**20}} for stored in (100, 1_000, 1_000_000)]
FOUND: dict[str, Any] = {
    "throughput": {
        "raw limit, copy": {
            "rates": [9_000.0, 10_000.0],
            "cpu": {role: [cost, cost] for role, cost in COSTS.items()},
            "peaks": {"order": [[45 * 2**20]], "postgres": [[60 * 2**20, 9 * 2**20]]},
            "wal": [1_000.0, 1_000.0],
            "violations": [],
            "missing": "",
        },
        "Temporal": {"rates": [], "cpu": {}, "peaks": {}, "wal": [], "violations": [], "missing": "no server"},
    },
    "growth.stored": {"marks": MARKS, "memory": MEMORY},
    "startup": {"farandole --help": 0.05},
}


def record(name: str, **more: str) -> dict[str, dict[str, Any]]:
    return {name: RECORD | {"found": FOUND[name]} | more}


def test_a_part_that_is_run_again_replaces_only_itself(tmp_path: Path) -> None:
    results.write(record("startup") | record("growth.stored"), tmp_path)
    results.write(results.load(tmp_path) | record("startup", commit="def"), tmp_path)
    found = results.load(tmp_path)
    assert {name: part["commit"] for name, part in found.items()} == {"startup": "def", "growth.stored": "abc"}
    written = (tmp_path / "latest.md").read_text()
    assert "commit abc" in written
    assert "commit def" in written


def test_who_was_not_run_is_named_with_the_reason() -> None:
    assert "No figure for Temporal: it was not run, no server" in report.markdown(record("throughput"))


def test_violations_are_found_wherever_they_are() -> None:
    found = {"a": {"found": [{"violations": ["x"]}, {"points": {"p": {"violations": ["y"]}}}]}, "b": {"violations": []}}
    assert results.violations(found) == ["x", "y"]


@pytest.mark.parametrize("name", ["throughput", "growth", "memory"])
def test_plots_are_well_formed_and_know_light_and_dark(name: str) -> None:
    drawn = plots.drawn(record("throughput") | record("growth.stored"))[name]
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in drawn
