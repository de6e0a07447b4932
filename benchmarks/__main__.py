"""`python -m benchmarks`: contestants side by side on one Kafka and one PostgreSQL; see benchmarks/README.md."""

import argparse
import dataclasses
import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import machine, report
from benchmarks.contestants.dbos_contestant import Dbos
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.contestants.faststream_contestant import FastStreamSaga
from benchmarks.contestants.raw import Raw
from benchmarks.contestants.raw_service import VARIANTS
from benchmarks.ground import Servers
from benchmarks.growth import growth
from benchmarks.latency import latency
from benchmarks.recovery import recovery
from benchmarks.sizes import FULL, MINIATURE, WHOLE, Sizes
from benchmarks.startup import startup
from benchmarks.throughput import Entry, throughput

PARTS: Final = ("throughput", "latency", "growth", "recovery", "startup")
BEGAN: Final = time.monotonic()
RESULTS: Final = Path(__file__).parent / "results"


def tell(line: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {line}", file=sys.stderr, flush=True)


def entries(servers: Servers, sizes: Sizes, peers: Path | None) -> list[Entry]:
    found = [Entry(f"{report.RAW}, {name}", partial(Raw, servers, name), sizes.raw) for name in VARIANTS]
    found += [
        Entry("farandole", lambda: Farandole(servers), sizes.orders),
        Entry("farandole with monitor", lambda: Farandole(servers, monitor=True), sizes.orders),
        Entry("farandole, embedded", FarandoleEmbedded, sizes.embedded),
    ]
    if peers:
        python = str(peers)
        found += [
            Entry("DBOS Transact", lambda: Dbos(servers, python=python), sizes.peer),
            Entry("FastStream + SQLAlchemy", lambda: FastStreamSaga(servers, python=python), sizes.peer),
        ]
    return found


def run(parts: list[str], sizes: Sizes, peers: Path | None) -> tuple[dict[str, Any], str]:
    """The results as data and as Markdown."""
    found: dict[str, Any] = {"machine": machine.described(peers), "sizes": dataclasses.asdict(sizes)}
    text = []
    with Servers() as servers:
        with Farandole(servers) as warming:
            tell(f"warming Kafka and PostgreSQL with {sizes.warm:,} orders")
            warming.play(sizes.warm)
        if "throughput" in parts:
            standings = throughput(servers, entries(servers, sizes, peers), sizes.rounds, tell)
            found["throughput"] = {name: dataclasses.asdict(standing) for name, standing in standings.items()}
            text += ["## Throughput", report.throughput_table(standings)]
        if "latency" in parts:
            found["latency"] = {}
            for paced in (Farandole(servers), FarandoleEmbedded()):
                with paced:
                    paced.play(sizes.orders // 4)
                    found["latency"][paced.name] = latency(paced, sizes.rates, sizes.seconds, tell)
            text += ["## Latency, milliseconds", report.latency_table(found["latency"])]
        if "growth" in parts:
            found["growth"] = growth(servers, sizes, tell)
            text += ["## Growth", report.growth_table(found["growth"]), report.memory_table(found["growth"])]
        if "recovery" in parts:
            found["recovery"] = recovery(servers, sizes.backlog, tell)
            text += ["## Recovery", _sentence(found["recovery"])]
    if "startup" in parts:
        found["startup"] = startup(sizes.stored, sizes.repeats, tell)
        text += ["## Start-up, milliseconds", _startup(found["startup"])]
    return found, "\n\n".join(text) + "\n"


def _sentence(found: dict[str, Any]) -> str:
    return (
        f"{found['backlog']:,} orders placed while the inventory service was down were done"
        f" {found['drain_seconds']:.1f} s after it was started again ({found['rate']:,.0f} orders/s)."
        f" POST meanwhile, at 50 orders/s, in ms: {json.dumps({k: round(v, 1) for k, v in found['post_meanwhile'].items()})}."
        f" Violations: {found['violations'] or 'none'}."
    )


def _startup(found: dict[str, Any]) -> str:
    rows = [("what", "ms")]
    rows += [(f"`farandole {name} --help`".replace("  ", " "), f"{s * 1000:.0f}") for name, s in found["help"].items()]
    rows += [
        ("`farandole up` ready, few orders stored", f"{found['up_empty'] * 1000:.0f}"),
        ("… first order accepted", f"{found['first_order'] * 1000:.0f}"),
        (f"`farandole up` ready, {found['stored']:,} orders stored", f"{found['up_stored'] * 1000:.0f}"),
        ("… first order accepted", f"{found['first_order_stored'] * 1000:.0f}"),
    ]
    return report.table(rows)


def violated(found: Any) -> list[str]:
    """Every violation anywhere in the results."""
    if isinstance(found, dict):
        own = found.get("violations") or []
        return [*own, *(line for value in found.values() for line in violated(value))]
    return [line for value in found for line in violated(value)] if isinstance(found, list) else []


def write(found: dict[str, Any], text: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "latest.md").write_text(text)
    if standings := found.get("throughput"):
        rates = {name: statistics.median(s["rates"]) for name, s in standings.items() if s["rates"]}
        (folder / "throughput.svg").write_text(report.bars("Orders a second (median)", rates, "/s"))
    for name, rows in found.get("latency", {}).items():
        values = {
            f"{k} {s} at {row['rate']:g}/s": row[k][s] for row in rows for k in ("post", "terminal") for s in row[k]
        }
        plot = folder / f"latency-{'embedded' if 'embedded' in name else 'distributed'}.svg"
        plot.write_text(report.bars(f"Latency of {name}", values, "ms"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds of throughput")
    parser.add_argument("--orders", type=int, help="orders a run of Farandole")
    parser.add_argument("--peers", type=Path, help="a Python that has the packages of benchmarks/requirements.txt")
    parser.add_argument(
        "--with", dest="others", default="", help="restate, temporal: said to be missing, see the README"
    )
    parser.add_argument("--smoke", action="store_true", help="all of it in miniature")
    parser.add_argument("--full", action="store_true", help="10^6 orders stored, a backlog of 200,000: hours")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    asked = parser.parse_args()
    parts = asked.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"expected parts among {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    sizes = MINIATURE if asked.smoke else FULL if asked.full else WHOLE
    changes = {"rounds": asked.rounds, "orders": asked.orders}
    sizes = dataclasses.replace(sizes, **{name: value for name, value in changes.items() if value})
    found, text = run(parts, sizes, asked.peers)
    if not asked.peers:
        text += "\nDBOS Transact and FastStream were not run: no `--peers`.\n"
    text += "\nRestate and Temporal were not run: this repository has no contestant for them.\n"
    write(found, text, asked.out)
    print(text)
    if wrong := violated(found):
        print("\n".join(["violations:", *wrong]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
