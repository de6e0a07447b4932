"""Restate and Temporal: contestants only where they are asked for and their servers are found."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.contestant import Contestant, Ground
from benchmarks.contestants import engine_server
from benchmarks.contestants.restate_contestant import Restate
from benchmarks.contestants.temporal_contestant import Temporal
from benchmarks.throughput import Entry


class Engine(NamedTuple):
    """A contestant that needs the server `program`, and where that is looked for."""

    name: str
    contestant: Callable[..., Contestant]
    server: Callable[[], Path | None]
    program: str


ENGINES: Final = {
    "restate": Engine("Restate", Restate, engine_server.restate, "restate-server"),
    "temporal": Engine("Temporal", Temporal, engine_server.temporal, "temporal"),
}


def entries(asked: Sequence[str], ground: Ground, peers: Path | None, orders: int) -> list[Entry]:
    """The engines that are asked for and can run."""
    return [
        Entry(engine.name, partial(engine.contestant, ground, engine.server(), str(peers)), orders)
        for word, engine in ENGINES.items()
        if not reason(word, asked, peers)
    ]


def not_run(asked: Sequence[str], peers: Path | None) -> list[str]:
    """A sentence for each engine that does not run, with the reason."""
    reasons = {engine.name: reason(word, asked, peers) for word, engine in ENGINES.items()}
    return [f"{name} was not run: {why}." for name, why in reasons.items() if why]


def reason(word: str, asked: Sequence[str], peers: Path | None) -> str | None:
    """Why an engine does not run; None where it does."""
    if word not in asked:
        return f"not asked for with `--with {word}`"
    if not peers:
        return "no `--peers`"
    if not ENGINES[word].server():
        return f"no `{ENGINES[word].program}` found, see benchmarks/README.md"
    return None
