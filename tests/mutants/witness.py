"""A pytest plugin that runs beside the tests of a scratch copy and writes down what failed first, and how."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import farandole

VARIABLE = "FARANDOLE_MUTANTS_WITNESS"
_seen: dict[str, Any] = {"farandole": str(Path(str(farandole.__file__)).parents[2]), "first": None}
_counted: Counter[str] = Counter()


def pytest_exception_interact(node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]) -> None:
    """Keep the first failure; what is written survives a process that dies."""
    if _seen["first"] is None and call.excinfo is not None:
        error = call.excinfo.value
        kinds = [kind.__name__ for kind in type(error).__mro__]
        words = str(error).strip().splitlines()[:1]
        _seen["first"] = {"test": node.nodeid, "kinds": kinds, "words": words, "when": call.when}
        _write()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome == "skipped":
        _counted[report.outcome] += 1


def pytest_sessionfinish() -> None:
    _write()


def _write() -> None:
    if path := os.environ.get(VARIABLE):
        Path(path).write_text(json.dumps({**_seen, **_counted}), encoding="utf-8")
