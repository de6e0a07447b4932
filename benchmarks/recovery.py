"""How long a backlog takes to drain, and what new customers notice of it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from benchmarks.contestants.farandole import Farandole
from benchmarks.ground import Servers
from benchmarks.latency import percentiles

RATE: Final = 50.0
SECONDS: Final = 8.0


def recovery(servers: Servers, backlog: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Seconds to drain `backlog` orders that were placed while the inventory service was down."""
    with Farandole(servers) as farandole:
        farandole.play(max(20, backlog // 20))
        farandole.stop("inventory")
        farandole.accept(backlog)
        began = time.time()
        farandole.start("inventory")
        ready = time.time() - began
        with ThreadPoolExecutor(1) as pool:
            meanwhile = pool.submit(farandole.arrivals, RATE, SECONDS)
            latencies = meanwhile.result()
        drained = farandole.drained() - began
        violations = farandole.violations()
    found = {
        "backlog": backlog,
        "ready_seconds": ready,
        "drain_seconds": drained,
        "rate": backlog / drained,
        "post_meanwhile": percentiles(latencies["post"]),
        "violations": violations,
    }
    tell(f"backlog of {backlog:,}: drained in {drained:.1f} s")
    return found
