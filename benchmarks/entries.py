"""Who takes part: the raw limit, Farandole in its forms, and the peers that can be had here."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.contestant import Contestant
from benchmarks.contestants.dbos_contestant import Dbos
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.contestants.faststream_contestant import FastStreamSaga
from benchmarks.contestants.raw import Raw
from benchmarks.contestants.raw_service import VARIANTS
from benchmarks.engines import ENGINES, reason
from benchmarks.ground import Servers
from benchmarks.sizes import Sizes
from benchmarks.throughput import Entry
from tests.support.processes import Missing

PEERS: Final[dict[str, Callable[..., Contestant]]] = {"DBOS Transact": Dbos, "FastStream + SQLAlchemy": FastStreamSaga}


def entries(servers: Servers, sizes: Sizes, peers: Path | None, asked: Sequence[str]) -> list[Entry]:
    """Everybody; who cannot be run says so when its turn comes."""
    found = [Entry(f"raw limit, {name}", partial(Raw, servers, name), sizes.raw) for name in VARIANTS]
    found += [
        Entry("farandole", partial(Farandole, servers), sizes.orders),
        Entry("farandole with monitor", partial(Farandole, servers, monitor=True), sizes.orders),
        Entry("farandole, embedded", FarandoleEmbedded, sizes.embedded),
    ]
    for name, peer in PEERS.items():
        enter = partial(peer, servers, python=str(peers)) if peers else partial(_absent, "no `--peers`")
        found.append(Entry(name, enter, sizes.peer))
    for word, engine in ENGINES.items():
        why = reason(word, asked, peers)
        entered = partial(engine.contestant, servers, engine.server(), str(peers))
        found.append(Entry(engine.name, partial(_absent, why) if why else entered, sizes.peer))
    return found


def _absent(why: str) -> Contestant:
    raise Missing(why)
