"""What an order costs as things grow: orders stored, SKUs, partitions, processes, and one SKU that everybody wants."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from benchmarks.contestants.farandole import Farandole
from benchmarks.ground import Servers
from benchmarks.meter import resident
from benchmarks.sizes import Sizes
from benchmarks.throughput import FEWEST, Entry, judged, measure, told, turn

Tell = Callable[[str], None]
Points = dict[str, dict[str, Any]]
LOOKS: Final = 10
"""How often memory is looked at between two marks."""


def skus(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Few, many, and one that is in every order."""
    entrants: Points = {f"{n:,} SKUs": {"skus": n} for n in sizes.skus}
    return _points(servers, sizes, entrants | {"one hot SKU of 100": {"hot": True}}, tell)


def partitions(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    return _points(servers, sizes, {f"{n} partitions": {"partitions": n} for n in sizes.partitions}, tell)


def processes(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    return _points(servers, sizes, {f"{n} processes a service": {"copies": n} for n in sizes.copies}, tell)


def _points(servers: Servers, sizes: Sizes, entrants: Points, tell: Tell) -> dict[str, Any]:
    """By name what a turn of each gave."""
    found = {}
    for name, options in entrants.items():
        found[name] = turn(servers, Entry(name, partial(Farandole, servers, **options), sizes.sample))
        tell(f"{name}: {told(found[name])}")
    return found


def stored(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """One long run: `marks` has what an order cost at each, `memory` who was how large with so many stored."""
    marks, memory = [], []
    with Farandole(servers) as farandole:
        placed = 0
        for mark in sizes.marks:
            for share in _shares(mark - placed):
                farandole.play(share)
                placed += share
                memory.append({"stored": placed, "resident": _resident(farandole)})
            figures = measure(servers, farandole, sizes.sample)
            placed += sizes.sample
            marks.append({**figures, "stored": mark, "placed": placed, "tables": farandole.tables()})
            tell(f"{mark:,} orders stored: {told(figures)}")
        found = judged({"marks": marks, "memory": memory}, farandole.violations())
    servers.tidy()
    return found


def _shares(orders: int) -> Iterator[int]:
    """So many orders, in as many parts as there are looks."""
    share = max(FEWEST, -(-orders // LOOKS))
    while orders > 0:
        yield min(share, orders)
        orders -= share


def _resident(farandole: Farandole) -> dict[str, int]:
    return {role: max(map(resident, pids)) for role, pids in farandole.processes().items()}
