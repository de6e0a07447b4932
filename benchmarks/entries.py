"""Who takes part: the raw limit, Farandole in its forms, and the peers that can be had here."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.contestant import Contestant
from benchmarks.contestants.dbos_contestant import dbos
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.contestants.faststream_contestant import FastStreamSaga
from benchmarks.contestants.raw import Raw
from benchmarks.contestants.raw_service import VARIANTS
from benchmarks.contestants.restate_contestant import restate
from benchmarks.contestants.temporal_contestant import temporal
from benchmarks.ground import Servers
from benchmarks.sizes import Sizes
from benchmarks.throughput import Entry
from farandole.proof.ground.processes import Missing

PEERS: Final[dict[str, Callable[..., Contestant]]] = {"DBOS Transact": dbos, "FastStream + SQLAlchemy": FastStreamSaga}
ON_REQUEST: Final[dict[str, Callable[..., Contestant]]] = {"restate": restate, "temporal": temporal}
"""Peers with a server of their own, which must be there."""


def entries(servers: Servers, sizes: Sizes, peers: Path | None, asked: Sequence[str]) -> list[Entry]:
    """Everybody; who cannot be run says so when its turn comes."""
    found = [Entry(f"raw limit, {name}", partial(Raw, servers, name), sizes.raw) for name in VARIANTS]
    found += [
        Entry("farandole", partial(Farandole, servers), sizes.orders),
        Entry("farandole with monitor", partial(Farandole, servers, monitor=True), sizes.orders),
        Entry("farandole, embedded", FarandoleEmbedded, sizes.embedded),
    ]
    found += [Entry(name, _peer(peer, servers, peers), sizes.peer) for name, peer in PEERS.items()]
    for name, peer in ON_REQUEST.items():
        absent = partial(_absent, f"not asked for with `--with {name}`")
        found.append(Entry(name.capitalize(), _peer(peer, servers, peers) if name in asked else absent, sizes.peer))
    return found


def _peer(peer: Callable[..., Contestant], servers: Servers, peers: Path | None) -> Callable[[], Contestant]:
    """What enters a contestant whose packages are those of another Python."""
    return partial(peer, servers, python=str(peers)) if peers else partial(_absent, "no `--peers`")


def _absent(why: str) -> Contestant:
    raise Missing(why)
