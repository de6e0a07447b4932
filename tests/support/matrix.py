"""The matrix of one behaviour suite: a table of what ran on each half, and in CI no test that ran on one half alone."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

HALVES: Mapping[str, str] = {
    "embedded": "embedded",
    "sqlite": "embedded",
    "distributed": "distributed",
    "kafka": "distributed",
    "postgresql": "distributed",
}
"""The half that a parameter stands for."""

BOTH = ("embedded", "distributed")
ONLY = "only"
PROPERTY = "matrix"
MATRIX = pytest.StashKey["Matrix"]()


@dataclass
class Matrix:
    """Outcomes by half, and on which halves each test ran, told by its id without the half."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    ran: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    alone: set[str] = field(default_factory=set)

    def add(self, base: str, half: str, outcome: str, *, alone: bool = False) -> None:
        """Count a test that ran; `alone` when it is said to run on this half only."""
        self.outcomes[half][outcome] += 1
        self.ran[base].add(half)
        if alone:
            self.alone.add(base)

    def one_sided(self) -> list[str]:
        """Tests that ran on one half and not on the other, and are not said to."""
        lacking = []
        for base, halves in sorted(self.ran.items()):
            if base not in self.alone and halves != set(BOTH):
                lacking.append(f"{base} ran on {', '.join(sorted(halves))} only")
        return lacking

    def table(self) -> list[str]:
        """One line a half."""
        lines = [f"{'half':<12} {'executed':>8} {'passed':>7} {'failed':>7}"]
        for half in BOTH:
            counted = self.outcomes[half]
            executed, passed = sum(counted.values()), counted["passed"]
            lines.append(f"{half:<12} {executed:>8} {passed:>7} {executed - passed:>7}")
        return lines


def without(test_id: str, word: str) -> str:
    """A test's id without one of its parameters."""
    base, _, parameters = test_id.partition("[")
    words = parameters.removesuffix("]").split("-")
    words.remove(word)
    return f"{base}[{'-'.join(words)}]" if words else base


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has every test on a half say so in its report."""
    for item in items:
        parameters = (
            item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        )
        for word in parameters:
            if isinstance(word, str) and word in HALVES:
                alone = item.get_closest_marker(ONLY) is not None
                item.user_properties.append((PROPERTY, (without(item.nodeid, word), HALVES[word], alone)))


class MatrixReport:
    """Counts in the process that hears of every test, prints the table, and judges in CI."""

    def __init__(self, config: pytest.Config) -> None:
        self.matrix = config.stash[MATRIX] = Matrix()
        self._called: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test ran when it was called; one that could not be set up or torn down failed."""
        if report.when == "call" and not report.skipped:
            self._called[report.nodeid] = report.outcome
        elif report.failed:
            self._called[report.nodeid] = "failed"
        if report.when == "teardown" and report.nodeid in self._called:
            outcome = self._called.pop(report.nodeid)
            for name, said in report.user_properties:
                if name == PROPERTY and isinstance(said, (tuple, list)):
                    base, half, alone = said
                    self.matrix.add(base, half, outcome, alone=alone)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In CI a test that ran on one half alone fails the run, unless the run was narrowed by hand."""
        if self.judges(session.config) and self.matrix.one_sided() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """The table, and what is missing from it."""
        if not self.matrix.ran:
            return
        terminalreporter.section("one suite, both halves")
        for line in self.matrix.table():
            terminalreporter.write_line(line)
        if self.judges(config):
            for line in self.matrix.one_sided():
                terminalreporter.write_line(f"FAILED {line}", red=True)

    @staticmethod
    def judges(config: pytest.Config) -> bool:
        """Whether the halves are compared: in CI, when nobody chose tests by -k, -m or path."""
        chosen = (
            config.option.keyword or config.option.markexpr or config.args_source is not config.ArgsSource.TESTPATHS
        )
        return os.environ.get("CI") == "true" and not chosen


def pytest_configure(config: pytest.Config) -> None:
    """Counts in the controller only, or in the one process there is."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(MatrixReport(config), "matrix-report")
