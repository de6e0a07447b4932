"""The figures of the README, from results/latest.json."""

import statistics
from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.report import PEERS, RAW, Row, best_raw, table

KINDS: Final = (("post", "POST"), ("terminal", "terminal"))
SHARES: Final = ("p50", "p99")


def report(found: Mapping[str, Any]) -> Iterator[str]:
    """How many orders a second beside whom, and how long one takes."""
    if part := found.get("throughput"):
        standings = {name: standing for name, standing in part["found"].items() if standing.get("rates")}
        yield f"Measured {part['date'][:10]} at commit {part['commit']}, {part['machine']['cores']} cores that everything shares:"
        shown = (
            name
            for name in standings
            if RAW not in name or statistics.median(standings[name]["rates"]) == best_raw(standings)
        )
        yield table([HEAD, *(_standing(name, standings) for name in shown)])
    if part := found.get("latency"):
        yield "Milliseconds from when an order was due, at a fixed rate:"
        rows = [(name, rate) for name, one in part["found"].items() for rate in one.get("rows", ())]
        yield table([LATENCY_HEAD, *(_latency(name, rate) for name, rate in rows)])


HEAD: Final = (
    "contestant",
    "orders/s",
    "× best raw limit",
    *(f"× {peer}" for peer in PEERS),
    "CPU µs/order",
    "largest process",
)
LATENCY_HEAD: Final = ("", "orders/s", *(f"{words} {share}" for _, words in KINDS for share in SHARES), "busy cores")


def _standing(name: str, standings: Mapping[str, Any]) -> Row:
    standing = standings[name]
    middle = statistics.median(standing["rates"])
    peers = [next((statistics.median(s["rates"]) for n, s in standings.items() if peer in n), None) for peer in PEERS]
    cpu = sum(statistics.median(values) for values in standing["cpu"].values())
    own = [
        max(max(sizes) for sizes in rounds if sizes)
        for role, rounds in standing["peaks"].items()
        if role not in SERVERS and any(rounds)
    ]
    return (
        name,
        f"{middle:,.0f}",
        f"{middle / best_raw(standings):.2f}",
        *(f"{middle / peer:,.1f}" if peer else "–" for peer in peers),
        f"{cpu:,.0f}",
        f"{max(own) / 2**20:.0f} MB",
    )


SERVERS: Final = ("kafka", "postgres", "load")


def _latency(name: str, rate: Mapping[str, Any]) -> Row:
    figures = (f"{rate[kind].get(share, 0):,.1f}" for kind, _ in KINDS for share in SHARES)
    return name, f"{rate['rate']:g}", *figures, f"{sum(rate['cores'].values()):.2f}"
