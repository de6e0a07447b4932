"""Restate and Temporal: contestants only where they are asked for and their servers are found."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.contestant import Contestant
from benchmarks.contestants import engine_server
from benchmarks.contestants.restate_contestant import Restate
from benchmarks.contestants.temporal_contestant import Temporal


class Engine(NamedTuple):
    """A contestant that needs a server, where that is looked for, and what to say when it is not there."""

    name: str
    contestant: Callable[..., Contestant]
    server: Callable[[], Path | None]
    missing: str


ENGINES: Final = {
    "restate": Engine(
        "Restate", Restate, engine_server.restate, f"no `restate-server`: {engine_server.RESTATE_INSTALLATION}"
    ),
    "temporal": Engine("Temporal", Temporal, engine_server.temporal, "no `temporal` in PATH"),
}


def reason(word: str, asked: Sequence[str], peers: Path | None) -> str | None:
    """Why an engine does not run; None where it does."""
    if word not in asked:
        return f"not asked for with `--with {word}`"
    if not peers:
        return "no `--peers`"
    if not ENGINES[word].server():
        return ENGINES[word].missing
    return None
