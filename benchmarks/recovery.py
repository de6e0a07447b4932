"""How long a backlog takes to drain, and what new customers notice of it."""

import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.contestants.farandole import Farandole
from benchmarks.ground import Servers
from benchmarks.latency import percentiles
from benchmarks.throughput import FEWEST, judged

RATE: Final = 50.0


def recovery(servers: Servers, backlog: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Seconds to drain orders placed while the inventory service was down; new ones come in at RATE until then."""
    with Farandole(servers) as farandole:
        farandole.play(max(FEWEST, backlog // 20))
        farandole.stop("inventory")
        farandole.accept(backlog)
        newest, traffic, began = farandole.newest(), farandole.traffic(RATE), time.time()
        farandole.start("inventory")
        ready = time.time() - began
        drained = farandole.notified(backlog, newest) - began
        found = farandole.ended(traffic, stop=True)
        farandole.drained()
        violations = farandole.violations()
    servers.tidy()
    tell(f"backlog of {backlog:,}: drained in {drained:.1f} s {violations or ''}")
    figures = {"backlog": backlog, "ready_seconds": ready, "drain_seconds": drained, "rate": backlog / drained}
    figures |= {key: found[key] for key in ("placed", "failed", "unended")} | {"arrivals": RATE}
    return judged(figures | {kind: percentiles(found[kind]) for kind in ("post", "terminal")}, violations)
