"""`python -m benchmarks.simulation`: measured latencies beside those of a queueing model, and the model's for other loads.

Costs are fitted to the lowest rate and to the highest load that were measured; what lies between is predicted.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import results
from benchmarks.latency import percentiles
from benchmarks.queues import Costs, Load, simulate
from benchmarks.report import Row, table

CONTESTANT: Final = "farandole"
SHOWN: Final = ("p50", "p95", "p99")
RESULTS: Final = Path(__file__).parent / "results"
LARGER: Final = tuple(
    Load(rate, seconds, cores=cores, copies=copies, poisson=True)
    for rate, seconds, cores, copies in ((1_000, 4, 2, 1), (3_000, 3, 8, 1), (3_000, 3, 8, 2), (10_000, 2, 16, 4))
)
"""Loads nobody has measured here, arriving by chance."""


def fit(standing: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Costs:
    """At the highest load batches are so large that only records cost, at the lowest rate an order is alone in each.
    What CPU does not explain of the latency at the lowest rate is the pause of four batches."""
    lowest = min(rows, key=lambda row: float(row["rate"]))
    full = {name: median(values) * 1e-6 for name, values in standing["cpu"].items()}
    costs = Costs(full, {name: max(0.0, lowest["cpu"][name] * 1e-6 - value) for name, value in full.items()})
    unexplained = lowest["terminal"]["p50"] / 1000 - median(simulate(costs, Load(lowest["rate"])).latencies)
    return replace(costs, pause=max(0.0, unexplained / 4))


def costs_of(found: Mapping[str, Any]) -> Costs | None:
    """What fits the results; None where throughput, or CPU at fixed rates, was not measured."""
    standing = found.get("throughput", {}).get("found", {}).get(CONTESTANT, {})
    rows = measured(found)
    return fit(standing, rows) if standing.get("rates") and rows else None


def measured(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Latency at each rate, where CPU was counted too."""
    rows = found.get("latency", {}).get("found", {}).get(CONTESTANT, {}).get("rows", ())
    return [row for row in rows if "cpu" in row]


def checked(costs: Costs, rows: Sequence[Mapping[str, Any]]) -> str:
    """Predicted / measured, in milliseconds and cores, at each rate."""
    head = ("orders/s", *(f"{share}, ms" for share in SHOWN), "cores", "records a batch: inventory, order")
    return table([head, *(_beside(costs, row) for row in rows)])


def _beside(costs: Costs, row: Mapping[str, Any]) -> Row:
    run = simulate(costs, Load(row["rate"]))
    said, cores = percentiles(run.latencies), sum(row["cpu"].values()) * row["rate"] / 1e6
    latencies = (f"{said[share]:,.0f} / {row['terminal'][share]:,.0f}" for share in SHOWN)
    return (f"{row['rate']:,g}", *latencies, f"{run.cores:.2f} / {cores:.2f}", _batches(run.sizes))


def _batches(sizes: Mapping[str, float]) -> str:
    return f"{sizes['inventory']:,.0f}, {sizes['order']:,.0f}"


def foreseen(costs: Costs) -> str:
    """What the model says of loads that were not measured."""
    head = ("orders/s", "cores there", "processes a service", *(f"{share}, ms" for share in SHOWN), "cores used")
    return table([(*head, "records a batch: inventory, order"), *(_foreseen(costs, load) for load in LARGER)])


def _foreseen(costs: Costs, load: Load) -> Row:
    run = simulate(costs, load)
    said = percentiles(run.latencies)
    given = (f"{load.rate:,g}", f"{load.cores:g}", f"{load.copies}")
    return (*given, *(f"{said[share]:,.0f}" for share in SHOWN), f"{run.cores:.1f}", _batches(run.sizes))


def stamp(record: Mapping[str, Any]) -> str:
    """When, of which commit and where a part was measured."""
    where = f"{record['machine']['cores']} cores that everything shared"
    return f"Measured {record['date']}, commit {record['commit']}, on {where}, load average before: {record['load']}."


def report(found: Mapping[str, Any]) -> Iterator[str]:
    """Markdown, or nothing where results do not suffice."""
    costs = costs_of(found)
    if costs is None:
        return
    yield stamp(found["latency"])
    yield "Predicted / measured, `POST` → terminal; the first row is what the model was fitted to:"
    yield checked(costs, measured(found))
    yield "Predicted only, arrivals by chance (Poisson):"
    yield foreseen(costs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of latest.json")
    lines = list(report(results.load(parser.parse_args().results)))
    if not lines:
        print(
            "expected throughput and latency with CPU: `make bench ARGS='--only throughput,latency'`", file=sys.stderr
        )
        return 1
    print("\n\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
