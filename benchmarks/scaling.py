"""`python -m benchmarks.scaling` writes the tables of docs/scaling.md and of the README from results/latest.json."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks import front, results, simulation
from benchmarks.queues import STEPS
from benchmarks.report import Row, table
from farandole.messaging import consumer, intake

PAGE: Final = Path(__file__).parents[1] / "docs" / "scaling.md"
README: Final = Path(__file__).parents[1] / "README.md"
RATES: Final = (1_000, 10_000, 100_000, 1_000_000)
SERVICES: Final = ("order", "inventory", "payment", "notification")
MONITORED: Final = "farandole with monitor"

BUSY: Final = 0.6
"""Share of a core or disk that is planned for; the rest is for peaks, restarts and what the tables do not know."""
SERVER_CORES: Final = 16
SERVER_WAL: Final = 150_000_000
"""Bytes of write-ahead log a second that one PostgreSQL server is trusted with."""
BROKER_CORES: Final = 8
BROKER_BYTES: Final = 100_000_000
"""Bytes a second that one broker is trusted to write."""
COPIES: Final = 3
COPIES_COST: Final = 2.0
"""CPU of brokers with three copies against the one that was measured: two followers fetch and append, nothing else."""
RECORD_BYTES: Final = 2_670
"""Key, headers and value of the records of an order of the mix; tests/performance/test_records.py holds them to it."""
SPARE: Final = 2
"""Partitions a process, so that processes can be added; FARANDOLE_PARTITIONS is 6 by default."""
DEFAULT_PARTITIONS: Final = 6


class Prices(NamedTuple):
    """What an order costs: CPU seconds by role, the monitor's share of servers included, and bytes of write-ahead log."""

    cpu: Mapping[str, float]
    wal: float
    monitors_postgres: float
    monitors_wal: float


def prices(found: Mapping[str, Any]) -> Prices | None:
    """Medians of the throughput part; None where it has no figure with and without the monitor."""
    standings = found.get("throughput", {}).get("found", {})
    alone, beside = standings.get(simulation.CONTESTANT, {}), standings.get(MONITORED, {})
    if not alone.get("rates") or not beside.get("rates"):
        return None
    cpu = {role: median(values) * 1e-6 for role, values in beside["cpu"].items() if role != "load"}
    postgres, wal = median(alone["cpu"]["postgres"]) * 1e-6, median(alone["wal"])
    return Prices(cpu, median(beside["wal"]), max(0.0, cpu["postgres"] - postgres), median(beside["wal"]) - wal)


class Limit(NamedTuple):
    """Orders a second at which a part is full, and what is done then."""

    part: str
    rate: float
    then: str


def limits(price: Prices) -> list[Limit]:
    """What is full first, first."""
    postgres = f"one PostgreSQL server for all databases, {SERVER_CORES} cores"
    kafka = f"{COPIES} brokers of {BROKER_CORES} cores"
    found = [
        *(Limit(f"one {name} process", BUSY / price.cpu[name], "another process") for name in (*SERVICES, "monitor")),
        Limit("stock that every batch shares", 1 / locked(price), "groups of products"),
        Limit(postgres, BUSY * SERVER_CORES / price.cpu["postgres"], "a server a service"),
        Limit(
            f"log of all databases on one disk, {SERVER_WAL / 1e6:.0f} MB/s",
            BUSY * SERVER_WAL / price.wal,
            "a server a service",
        ),
        Limit(kafka, BUSY * COPIES * BROKER_CORES / (COPIES_COST * price.cpu["kafka"]), "more brokers"),
        Limit(
            f"disks of {COPIES} brokers, {BROKER_BYTES / 1e6:.0f} MB/s each",
            BUSY * BROKER_BYTES / RECORD_BYTES,
            "more brokers",
        ),
    ]
    return sorted(found, key=lambda limit: limit.rate)


def locked(price: Prices) -> float:
    """Seconds for which an order's stock is locked in a full batch: at most what inventory and its database do for it."""
    return price.cpu["inventory"] + (price.cpu["postgres"] - price.monitors_postgres) / STEPS


def processes(price: Prices, service: str, rate: float) -> int:
    return ceil(rate * price.cpu[service] / BUSY)


def partitions(price: Prices, rate: float) -> int:
    """Of each topic: some for every process of the largest service."""
    return max(DEFAULT_PARTITIONS, SPARE * max(processes(price, name, rate) for name in (*SERVICES, "monitor")))


def servers(price: Prices, rate: float) -> int:
    """PostgreSQL servers, by CPU and by log."""
    return max(
        ceil(rate * price.cpu["postgres"] / (BUSY * SERVER_CORES)),
        ceil(rate * price.wal / (BUSY * SERVER_WAL)),
    )


def brokers(price: Prices, rate: float) -> int:
    """Brokers, three at least, by CPU and by bytes."""
    by_cpu = ceil(rate * COPIES_COST * price.cpu["kafka"] / (BUSY * BROKER_CORES))
    return max(COPIES, by_cpu, ceil(rate * COPIES * RECORD_BYTES / (BUSY * BROKER_BYTES)))


def requests(price: Prices, rate: float) -> float:
    """Publishing requests a second at most, one a batch and partition: a service's answers stay in the partitions it
    heard, new orders go to all of them."""
    each = partitions(price, rate)
    placed = min(rate, processes(price, "order", rate) * each / intake.LONGEST)
    return placed + len(SERVICES) * min(rate, each / consumer.LONGEST)


def needs(price: Prices, stored: Mapping[str, float]) -> str:
    """A column a rate."""
    lines: dict[str, Callable[[int], str]] = {
        "partitions of each topic": lambda rate: f"{partitions(price, rate):,}",
        "groups of products, at least": lambda rate: f"{ceil(rate * locked(price)):,}",
        "PostgreSQL: cores busy": lambda rate: f"{rate * price.cpu['postgres']:,.1f}",
        "PostgreSQL: write-ahead log, MB/s": lambda rate: f"{rate * price.wal / 1e6:,.0f}",
        "PostgreSQL: servers": lambda rate: f"{servers(price, rate):,}",
        "Kafka: cores busy, three copies": lambda rate: f"{rate * price.cpu['kafka'] * COPIES_COST:,.1f}",
        "Kafka: MB/s in, once": lambda rate: f"{rate * RECORD_BYTES / 1e6:,.0f}",
        "Kafka: publishing requests/s, at most": lambda rate: f"{requests(price, rate):,.0f}",
        "Kafka: brokers": lambda rate: f"{brokers(price, rate):,}",
    }
    if stored:
        size = sum(stored.values())
        lines["rows and indexes, TB a day"] = lambda rate: f"{rate * size * 86_400 / 1e12:,.2f}"
    head = ("orders/s", *(f"{rate:,}" for rate in RATES))
    counts = ((f"{n} processes", *(f"{processes(price, n, rate):,}" for rate in RATES)) for n in (*SERVICES, "monitor"))
    return table([head, *counts, *((name, *map(figure, RATES)) for name, figure in lines.items())])


def stored_bytes(found: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of rows and indexes an order by service, at the last mark of a long run; nothing where there was none."""
    marks = found.get("growth.stored", {}).get("found", {}).get("marks", ())
    sizes: Counter[str] = Counter()
    for name, figures in marks[-1]["tables"].items() if marks else ():
        sizes[name.partition(".")[0]] += figures["bytes"]
    return {service: size / marks[-1]["placed"] for service, size in sizes.items()}


def costs(price: Prices, stored: Mapping[str, float]) -> str:
    """What an order costs, by part."""
    rows: list[Row] = [("part", "CPU, µs an order", "rows and indexes, bytes an order")]
    rows += [(n, _micros(price.cpu[n]), f"{stored[n]:,.0f}" if n in stored else "") for n in (*SERVICES, "monitor")]
    rows += [(f"{n}, all of it", _micros(price.cpu[n]), "") for n in ("postgres", "kafka")]
    return table([*rows, ("of postgres, the monitor's", _micros(price.monitors_postgres), "")])


def _micros(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def report(found: Mapping[str, Any]) -> Iterator[str]:
    """Markdown, or nothing where results do not suffice."""
    price, stored = prices(found), stored_bytes(found)
    if price is None:
        return
    yield simulation.stamp(found["throughput"])
    yield costs(price, stored)
    yield f"Write-ahead log: {price.wal:,.0f} bytes an order, {price.monitors_wal:,.0f} of them the monitor's."
    yield f"What is full first, {BUSY:.0%} of a core or disk being full:"
    yield table([("part", "full at orders/s", "then"), *((p, f"{rate:,.0f}", then) for p, rate, then in limits(price))])
    yield "What each rate needs:"
    yield needs(price, stored)


Report = Callable[[Mapping[str, Any]], Iterator[str]]
BLOCKS: Final[Mapping[str, Report]] = {"scaling": report, "simulation": simulation.report}
FIGURES: Final[Mapping[str, Report]] = {"figures": front.report}


def block(name: str, text: str) -> str:
    return f"<!-- {name} -->\n\n{text}\n\n<!-- end of {name} -->"


def page(found: Mapping[str, Any], old: str, blocks: Mapping[str, Report] = BLOCKS) -> str:
    """The page with the tables that the results give; a table they do not suffice for stays."""
    for name, written in blocks.items():
        if text := "\n\n".join(written(found)):
            before, _, rest = old.partition(f"<!-- {name} -->")
            old = before + block(name, text) + rest.partition(f"<!-- end of {name} -->")[2]
    return old


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--results", type=Path, default=simulation.RESULTS, help="the folder of latest.json")
    found = results.load(parser.parse_args().results)
    if prices(found) is None:
        print(
            "expected throughput with and without the monitor: `make bench ARGS='--only throughput'`", file=sys.stderr
        )
        return 1
    for path, blocks in ((PAGE, BLOCKS), (README, FIGURES)):
        path.write_text(page(found, path.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
