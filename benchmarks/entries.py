"""Who takes part: the raw limit, Farandole in its forms, and the peers that can be had here."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.contestant import Contestant
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.contestants.raw import Raw
from benchmarks.contestants.raw_service import VARIANTS
from benchmarks.ground import Servers
from benchmarks.sizes import Sizes
from benchmarks.throughput import Entry
from tests.support.processes import Missing

PEERS: Final = {
    "DBOS Transact": "dbos_contestant.Dbos",
    "FastStream + SQLAlchemy": "faststream_contestant.FastStreamSaga",
}
ON_REQUEST: Final = {"restate": "restate_contestant.Restate", "temporal": "temporal_contestant.Temporal"}
"""Peers with a server of their own, which must be there."""


def entries(servers: Servers, sizes: Sizes, peers: Path | None, wanted: Sequence[str]) -> list[Entry]:
    """Everybody; who cannot be run says so when its turn comes."""
    found = [Entry(f"raw limit, {name}", partial(Raw, servers, name), sizes.raw) for name in VARIANTS]
    found += [
        Entry("farandole", partial(Farandole, servers), sizes.orders),
        Entry("farandole with monitor", partial(Farandole, servers, monitor=True), sizes.orders),
        Entry("farandole, embedded", FarandoleEmbedded, sizes.embedded),
    ]
    found += [Entry(name, _peer(place, servers, peers), sizes.peer) for name, place in PEERS.items()]
    for name, place in ON_REQUEST.items():
        found.append(Entry(name.capitalize(), _on_request(name, place, servers, peers, wanted), sizes.peer))
    return found


def _on_request(
    name: str, place: str, servers: Servers, peers: Path | None, wanted: Sequence[str]
) -> Callable[[], Contestant]:
    if name not in wanted:
        return partial(_absent, f"ask for it by `--with {name}`")
    if getattr(import_module("benchmarks.contestants.engine_server"), name)() is None:
        return partial(_absent, "its server was not found")
    return _peer(place, servers, peers)


def _peer(place: str, servers: Servers, peers: Path | None) -> Callable[[], Contestant]:
    """What enters a contestant whose packages are those of another Python."""
    if peers is None:
        return partial(_absent, "its packages are in the Python that `--peers` names")
    module, _, name = place.partition(".")
    made: Any = getattr(import_module(f"benchmarks.contestants.{module}"), name)
    return partial(made, servers, python=str(peers))


def _absent(why: str) -> Contestant:
    raise Missing(why)
