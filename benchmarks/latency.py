"""Latency at fixed rates, counted from when each order was due."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from benchmarks.contestant import Contestant
from benchmarks.meter import Meter
from benchmarks.sizes import Sizes
from benchmarks.throughput import Shared, judged

SHARES: Final = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
SETTLE_SECONDS: Final = 2.0


class Paced(Contestant, Protocol):
    def latency(self, rate: float, seconds: float) -> dict[str, Any]: ...


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds by nearest rank: the smallest value that so many per cent do not exceed; nothing of nothing."""
    ordered = sorted(seconds)
    return {name: ordered[-(-share * len(ordered) // 100) - 1] * 1000 for name, share in SHARES.items() if ordered}


def latency(
    servers: Shared, enter: Mapping[str, Callable[[], Paced]], sizes: Sizes, tell: Callable[[str], None]
) -> dict[str, Any]:
    """By contestant a row a rate, `cpu` in µs an order by role: medians of the rounds, and the rounds; or only violations."""
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in enter}
    for _ in range(sizes.rounds):
        for name, make in enter.items():
            with make() as contestant:
                contestant.play(sizes.orders)
                rows = _rows(servers, contestant, sizes, tell)
                rounds[name].append(judged({"rows": rows}, contestant.violations()))
            servers.tidy()
    return {name: _together(found) for name, found in rounds.items()}


def _rows(servers: Shared, contestant: Paced, sizes: Sizes, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    rows = []
    for rate in sizes.rates:
        contestant.latency(rate, min(SETTLE_SECONDS, sizes.seconds))
        meter, began = Meter({**contestant.processes(), **servers.processes()}), time.perf_counter()
        found = contestant.latency(rate, sizes.seconds)
        seconds, passed = meter.cpu() | {"load": found["cpu"]}, time.perf_counter() - began
        row = {"rate": rate, "failed": found["failed"], "unended": found["unended"]}
        row["cpu"] = {role: value / found["placed"] * 1e6 for role, value in seconds.items()}
        row["cores"] = {role: value / passed for role, value in seconds.items()}
        rows.append(row | {kind: percentiles(found[kind]) for kind in ("post", "terminal")})
        tell(f"{contestant.name} at {rate:g}/s: terminal {rows[-1]['terminal']}")
    return rows


def _together(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if violations := [line for found in rounds for line in found.get("violations", ())]:
        return {"violations": violations}
    return {"rows": [_median(rows) for rows in zip(*(found["rows"] for found in rounds), strict=True)]}


def _median(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"rate": rows[0]["rate"], "rounds": rows}
    found |= {count: sum(row[count] for row in rows) for count in ("failed", "unended")}
    for kind in ("post", "terminal", "cpu", "cores"):
        found[kind] = {name: statistics.median(row[kind][name] for row in rows) for name in rows[0][kind]}
    return found
