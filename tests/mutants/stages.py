"""One stage of the suite in a scratch copy: the checker, the simulator, or tests; what each of them found."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from tests.mutants import inside
from tests.mutants.mutant import Catcher, Stage
from tests.mutants.witness import VARIABLE

SECONDS: Final = {Stage.CHECKER: 120.0, Stage.SIMULATOR: 180.0, Stage.HERE: 240.0, Stage.SERVERS: 300.0}
"""The longest that a stage may take; a stage that takes longer hangs, and that is not a catch."""
PROOFS: Final = {Stage.CHECKER: "verify", Stage.SIMULATOR: "simulate"}
PLUGINS: Final = ("xdist", "timeout", "hypothesispytest", "tests.mutants.witness")
"""All that the tests need: each of the others would be loaded hundreds of times."""
PYTEST: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *(word for name in PLUGINS for word in ("-p", name)))
NO_SERVERS: Final = ("-m", "not kafka and not postgres", "-k", "not postgresql and not distributed")
TYPING: Final = frozenset(
    {"ImportError", "ModuleNotFoundError", "NameError", "UnboundLocalError", "SyntaxError", "IndentationError"}
)
"""Errors of a text that cannot run; a mutant that is only noticed by them shows nothing."""


class Found(StrEnum):
    NOTHING = "nothing"
    CAUGHT = "caught"
    BROKEN = "broken"
    HANG = "hang"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stage found, and in which words."""

    found: Found
    words: str = ""


def look(stage: Stage, words: Sequence[str], root: Path) -> Finding:
    """Let one stage look at a copy."""
    return _prove(stage, words, root) if stage in PROOFS else _test(stage, words, root, ("-x", "-n", "0"))


def look_at_all(catchers: Sequence[Catcher], root: Path) -> Finding:
    """Let a stage do at once everything that several mutants ask of it; the catchers are of one stage."""
    stage = catchers[0].stage
    words = sorted({word for catcher in catchers for word in catcher.words})
    if stage in PROOFS:
        return _prove(stage, max((catcher.words for catcher in catchers), key=_count), root)
    return _test(stage, words, root, ("-n", "2"))


def _count(words: Sequence[str]) -> int:
    return int(words[0]) if words else 0


def _prove(stage: Stage, words: Sequence[str], root: Path) -> Finding:
    name = PROOFS[stage]
    code, said = _run(["-m", "tests.mutants.inside", name, *words], root, SECONDS[stage], {})
    last = said[-1][:300] if said else f"exit code {code}"
    match code:
        case None:
            return Finding(Found.HANG, f"{name}: no end within {SECONDS[stage]:.0f} s")
        case 0:
            return Finding(Found.NOTHING)
        case inside.VIOLATION:
            return Finding(Found.CAUGHT, last)
        case inside.OTHER_COPY:
            return Finding(Found.BROKEN, last)
    error = last.partition(":")[0].rpartition(".")[2]
    broken = error in TYPING or not error.isidentifier()
    return Finding(Found.BROKEN if broken else Found.CAUGHT, f"{name}: {last}")


def _test(stage: Stage, tests: Sequence[str], root: Path, how: Sequence[str]) -> Finding:
    seen = root / "witness.json"
    seen.unlink(missing_ok=True)
    narrow = NO_SERVERS if stage is Stage.HERE else ()
    arguments = [*PYTEST, *how, "--hypothesis-seed=0", *narrow, *tests]
    code, said = _run(arguments, root, SECONDS[stage], {VARIABLE: str(seen)})
    if code is None:
        return Finding(Found.HANG, f"no end within {SECONDS[stage]:.0f} s: {' '.join(tests)}")
    told = json.loads(seen.read_text(encoding="utf-8")) if seen.exists() else {}
    return _judged(code, told, said, root)


def _judged(code: int, told: dict[str, Any], said: Sequence[str], root: Path) -> Finding:
    last = said[-1] if said else f"exit code {code}"
    if told.get("farandole") != str(root):
        return Finding(Found.BROKEN, f"expected the code in {root}, found {told.get('farandole')}: {last}")
    if first := told["first"]:
        test, words = first["test"], " ".join(first["words"])
        if TYPING & set(first["kinds"]) or first["when"] == "collect":
            return Finding(Found.BROKEN, f"{test}: {first['kinds'][0]}: {words}")
        return Finding(Found.CAUGHT, test)
    if code == 0 and told.get("passed"):
        return Finding(Found.NOTHING)
    if told.get("skipped") and not told.get("passed"):
        return Finding(Found.LEFT_OUT, last)
    return Finding(Found.CAUGHT if code == 1 else Found.BROKEN, last)


def _run(arguments: Sequence[str], root: Path, seconds: float, more: dict[str, str]) -> tuple[int | None, list[str]]:
    """The exit code, None for a hang, and what was said, a line each."""
    unset = ("CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "PYTHONPATH": str(root / "src"),
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **more,
    }
    with TemporaryFile() as output:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = child.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        output.seek(0)
        said = output.read().decode(errors="replace").splitlines()
    return code, [line.strip() for line in said if line.strip()]
