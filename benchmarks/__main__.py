"""`python -m benchmarks`: contestants side by side on one Kafka and one PostgreSQL; see benchmarks/README.md."""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import growth, machine, results
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole
from benchmarks.entries import ON_REQUEST, entries
from benchmarks.ground import Servers
from benchmarks.latency import Paced, latency
from benchmarks.pages import pages
from benchmarks.recovery import recovery
from benchmarks.sizes import FULL, MINIATURE, WHOLE, Sizes
from benchmarks.startup import startup
from benchmarks.throughput import throughput

BEGAN: Final = time.monotonic()
RESULTS: Final = Path(__file__).parent / "results"


def tell(line: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {line}", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Run:
    """What was asked for, and the servers it is measured on."""

    servers: Servers
    sizes: Sizes
    peers: Path | None
    wanted: Sequence[str]
    named: str

    def throughput(self) -> dict[str, Any]:
        field = entries(self.servers, self.sizes, self.peers, self.wanted)
        chosen = [entry for entry in field if self.named in entry.name]
        standings = throughput(self.servers, chosen, self.sizes.rounds, tell)
        return {name: dataclasses.asdict(standing) for name, standing in standings.items()}

    def latency(self) -> dict[str, Any]:
        enter: dict[str, Callable[[], Paced]] = {
            "farandole": lambda: Farandole(self.servers),
            "farandole, embedded": FarandoleEmbedded,
        }
        return latency(self.servers, enter, self.sizes, tell)


PARTS: Final[dict[str, Callable[[Run], Any]]] = {
    "throughput": Run.throughput,
    "latency": Run.latency,
    "growth.stored": lambda run: growth.stored(run.servers, run.sizes, tell),
    "growth.skus": lambda run: growth.skus(run.servers, run.sizes, tell),
    "growth.partitions": lambda run: growth.partitions(run.servers, run.sizes, tell),
    "growth.processes": lambda run: growth.processes(run.servers, run.sizes, tell),
    "recovery": lambda run: recovery(run.servers, run.sizes.backlog, tell),
    "startup": lambda run: startup(run.servers, run.sizes.stored, run.sizes.repeats, tell),
    "pages": lambda run: pages(run.servers, run.sizes, tell),
}


def parts(names: str) -> list[str]:
    """The parts that some names mean: a part, or all of a group."""
    asked = names.split(",") if names else list(PARTS)
    found = [part for part in PARTS if any(part == name or part.startswith(f"{name}.") for name in asked)]
    unknown = [name for name in asked if not any(part == name or part.startswith(f"{name}.") for part in PARTS)]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected parts among {', '.join(PARTS)}, found {', '.join(unknown)}")
    return found


def others(names: str) -> list[str]:
    """The peers that are run only when they are asked for."""
    found = names.split(",")
    if unknown := set(found) - set(ON_REQUEST):
        raise argparse.ArgumentTypeError(f"expected {', '.join(ON_REQUEST)}, found {', '.join(sorted(unknown))}")
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=parts, default=list(PARTS), help=f"of {', '.join(PARTS)}; growth: all of it")
    parser.add_argument("--contestants", default="", help="throughput of those only whose name contains this")
    parser.add_argument("--rounds", type=int, help="rounds of throughput and latency")
    parser.add_argument("--orders", type=int, help="orders a run of Farandole")
    parser.add_argument("--peers", type=Path, help="a Python that has the packages of benchmarks/requirements.txt")
    parser.add_argument("--with", dest="wanted", type=others, default=[], help=f"also {', '.join(ON_REQUEST)}")
    parser.add_argument("--smoke", action="store_true", help="all of it in miniature")
    parser.add_argument("--full", action="store_true", help="10^6 orders stored, a backlog of 200,000: an hour or more")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go, beside those of other parts")
    return parser.parse_args()


def measured(asked: argparse.Namespace, sizes: Sizes) -> results.Results:
    """Runs the parts one after the other; what each found is written before the next begins."""
    with Servers() as servers:
        where = machine.described(servers, asked.peers)
        run = Run(servers, sizes, asked.peers, asked.wanted, asked.contestants)
        warm(servers, sizes.warm)
        found: results.Results = {}
        for name in asked.only:
            tell(name)
            found[name] = results.recorded(partial(PARTS[name], run), where, dataclasses.asdict(sizes))
            results.write(results.load(asked.out) | found, asked.out)
    return found


def warm(servers: Servers, orders: int) -> None:
    """Kafka's compiler and PostgreSQL's files have the same past for whoever comes first."""
    if not orders:
        return
    tell(f"warming Kafka and PostgreSQL with {orders:,} orders")
    with Farandole(servers) as warming:
        warming.play(orders)
    servers.tidy()


def main() -> int:
    asked = arguments()
    sizes = MINIATURE if asked.smoke else FULL if asked.full else WHOLE
    changes = {"rounds": asked.rounds, "orders": asked.orders}
    found = measured(asked, dataclasses.replace(sizes, **{name: value for name, value in changes.items() if value}))
    print(results.write(results.load(asked.out), asked.out))
    if wrong := results.violations(found):
        print("\n".join(["violations:", *wrong]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
