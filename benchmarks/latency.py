"""Latency at fixed rates, counted from when each order was due."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from benchmarks.contestant import Contestant

SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
SETTLE_SECONDS: Final = 2.0


class Paced(Contestant, Protocol):
    def latency(self, rate: float, seconds: float) -> dict[str, Any]: ...


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds; nothing of nothing."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {name: ordered[min(last, int(share * len(ordered)))] * 1000 for name, share in SHARES.items() if ordered}


def latency(
    contestant: Paced, rates: Sequence[float], seconds: float, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """A row a rate: `post` and `terminal` in milliseconds, and how many were not answered 201."""
    rows = []
    for rate in rates:
        contestant.latency(rate, min(SETTLE_SECONDS, seconds))
        found = contestant.latency(rate, seconds)
        row = {"rate": rate, "failed": found["failed"]}
        row |= {kind: percentiles(found[kind]) for kind in ("post", "terminal")}
        rows.append(row)
        tell(f"{contestant.name} at {rate:g}/s: {row}")
    return rows
