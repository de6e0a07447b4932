"""Seconds until each command answers, and until the first order is accepted after `farandole up`."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.ground import Servers
from farandole.proof.ground import cluster
from farandole.runtime.wiring import NAMES

FARANDOLE: Final = [sys.executable, "-m", "farandole.cli"]
IDLE: Final = (["topics"], ["migrate", "order"])


def startup(servers: Servers, stored: int, repeats: int, tell: Callable[[str], None]) -> dict[str, float]:
    """Seconds by what was done, medians: help, commands that end, services until ready, `up` on few and many orders."""
    found = {f"{_said(command)} --help": _median([*command, "--help"], repeats) for command in _commands()}
    found |= {_said(command): _median(command, repeats) for command in (["demo"], ["diagram"], ["settings"])}
    found |= _cluster(servers, repeats)
    with FarandoleEmbedded() as embedded:
        found |= _up(embedded, "few orders stored", repeats)
        embedded.play(stored)
        found |= _up(embedded, f"{stored:,} orders stored", repeats)
    tell(f"start-up: {', '.join(f'{what} {1000 * seconds:.0f} ms' for what, seconds in found.items())}")
    return found


def _commands() -> list[list[str]]:
    listing = subprocess.run([*FARANDOLE, "--help"], capture_output=True, text=True, check=True).stdout
    return [[], *([name] for name in re.findall(r"^  ([a-z-]+)  ", listing.partition("Commands:")[2], re.M))]


def _said(words: list[str]) -> str:
    return " ".join(["farandole", *words])


def _median(words: list[str], repeats: int) -> float:
    return statistics.median(
        _seconds(lambda: subprocess.run([*FARANDOLE, *words], capture_output=True, check=True)) for _ in range(repeats)
    )


def _cluster(servers: Servers, repeats: int) -> dict[str, float]:
    """Each service until it is ready to serve, beside the others."""
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    with Farandole(servers, monitor=True) as farandole:
        found = {_said([*words, "(nothing to do)"]): _idle(farandole, words, repeats) for words in IDLE}
        for name in NAMES:
            for _ in range(repeats):
                farandole.stop(name)
                seconds[name].append(_seconds(partial(farandole.start, name)))
    servers.tidy()
    return found | {f"farandole serve {name}, ready": statistics.median(seconds[name]) for name in NAMES}


def _idle(farandole: Farandole, words: list[str], repeats: int) -> float:
    env = farandole.cluster.env | {"FARANDOLE_DATABASE": farandole.cluster.databases["order"]}
    return statistics.median(_seconds(lambda: cluster.farandole(*words, env=env)) for _ in range(repeats))


def _up(embedded: FarandoleEmbedded, state: str, repeats: int) -> dict[str, float]:
    ready, first = [], []
    for _ in range(repeats):
        ready.append(_seconds(embedded.restart))
        first.append(ready[-1] + _seconds(embedded.order))
    return {
        f"farandole up, ready, {state}": statistics.median(ready),
        f"farandole up, first order accepted, {state}": statistics.median(first),
    }


def _seconds(doing: Callable[[], object]) -> float:
    began = time.perf_counter()
    doing()
    return time.perf_counter() - began
