"""A figure is given only for a run in which nothing was lost, and says what it claims to say."""

from dataclasses import asdict

import pytest

from benchmarks import report
from benchmarks.latency import percentiles
from benchmarks.throughput import throughput
from tests.benchmarks.fakes import Contestant, Servers, entry


def silent(line: str) -> None:
    return None


def test_a_run_without_violations_has_a_figure() -> None:
    standings = throughput(Servers(), [entry(Contestant(), Contestant())], 2, silent)
    assert standings["somebody"].rates == [100.0, 100.0]


def test_a_violation_in_one_round_takes_the_figures_of_all() -> None:
    wrong = Contestant(wrong=["A1: 3 orders lost"])
    standing = throughput(Servers(), [entry(Contestant(), wrong, Contestant())], 3, silent)["somebody"]
    assert (standing.rates, standing.cpu, standing.wal) == ([], {}, [])
    assert standing.violations == ["A1: 3 orders lost"]


def test_the_table_says_why_a_contestant_has_no_figure() -> None:
    standings = throughput(Servers(), [entry(Contestant(wrong=["A1: 3 orders lost"]))], 1, silent)
    written = "\n".join(report.throughput({name: asdict(standing) for name, standing in standings.items()}))
    assert "No figure for somebody: A1: 3 orders lost" in written
    assert "| somebody |" not in written


def test_a_contestant_that_fails_leaves_the_others_their_turn_and_nothing_behind() -> None:
    servers = Servers()
    entries = [entry(Contestant("broken", broken="no disk")), entry(Contestant("sound"))]
    standings = throughput(servers, entries, 1, silent)
    assert "no disk" in standings["broken"].violations[0]
    assert standings["sound"].rates == [100.0]
    assert servers.tidied == 2


def test_the_table_has_the_cores_of_all_processes_together() -> None:
    row = {"rate": 500, "post": {}, "terminal": {}, "failed": 0, "unended": 0, "cores": {"order": 0.5, "load": 0.25}}
    written = "\n".join(report.latency({"somebody": {"rows": [row]}}))
    assert "| cores |" in written
    assert "| 0.75 |" in written


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (range(1, 101), {"p50": 50, "p95": 95, "p99": 99, "max": 100}),
        (range(1, 1001), {"p50": 500, "p95": 950, "p99": 990, "max": 1000}),
        ([7], {"p50": 7, "p95": 7, "p99": 7, "max": 7}),
        ([1, 1, 1, 9], {"p50": 1, "p95": 9, "p99": 9, "max": 9}),
        ([], {}),
    ],
    ids=["a hundred", "a thousand", "one", "four", "none"],
)
def test_percentiles_are_by_nearest_rank(milliseconds: list[int], expected: dict[str, float]) -> None:
    seconds = [value / 1000 for value in reversed(milliseconds)]
    assert percentiles(seconds) == pytest.approx(expected)
