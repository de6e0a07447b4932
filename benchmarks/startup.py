"""Seconds until each command answers, and until the first order is accepted after `farandole up`."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.contestants.embedded import FarandoleEmbedded

FARANDOLE: Final = [sys.executable, "-m", "farandole.cli"]


def startup(stored: int, repeats: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Medians: every command's help; `up` on an empty folder and on one with so many orders."""
    listing = subprocess.run([*FARANDOLE, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z-]+)  ", listing.partition("Commands:")[2], re.M)
    found: dict[str, Any] = {"help": {"": _median([], repeats)} | {c: _median([c], repeats) for c in commands}}
    with FarandoleEmbedded() as embedded:
        found["up_empty"], found["first_order"] = _again(embedded, repeats)
        embedded.play(stored)
        found["up_stored"], found["first_order_stored"] = _again(embedded, repeats)
        found["stored"] = stored
    tell(f"start-up: {found}")
    return found


def _again(embedded: FarandoleEmbedded, repeats: int) -> tuple[float, float]:
    ready, first = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        embedded.restart()
        ready.append(time.perf_counter() - began)
        embedded.accept(1)
        first.append(time.perf_counter() - began)
    return statistics.median(ready), statistics.median(first)


def _median(words: list[str], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([*FARANDOLE, *words, "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
