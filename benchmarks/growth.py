"""What an order costs as things grow: orders stored, SKUs, partitions, processes, and one SKU that everybody wants."""

from collections.abc import Callable
from typing import Any

from benchmarks.contestants.farandole import Farandole
from benchmarks.ground import Servers
from benchmarks.meter import resident
from benchmarks.sizes import Sizes
from benchmarks.throughput import measure

Tell = Callable[[str], None]


def growth(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """µs of CPU an order by role, and orders a second, for each point; memory and tables where orders pile up."""
    points = {"100 SKUs": Farandole(servers), f"{sizes.skus} SKUs": Farandole(servers, skus=sizes.skus)}
    points["a hot SKU"] = Farandole(servers, hot=True)
    points |= {f"{n} partitions": Farandole(servers, partitions=n) for n in sizes.partitions}
    points |= {f"{n} processes a service": Farandole(servers, copies=n) for n in sizes.copies}
    return {
        "stored": _stored(servers, sizes, tell),
        "points": {name: _point(servers, farandole, sizes, name, tell) for name, farandole in points.items()},
    }


def _point(servers: Servers, farandole: Farandole, sizes: Sizes, name: str, tell: Tell) -> dict[str, Any]:
    with farandole:
        farandole.play(max(20, sizes.sample // 5))
        figures = measure(servers, farandole, sizes.sample)
        figures["violations"] = farandole.violations()
    tell(f"{name}: {figures['rate']:,.0f} orders/s, {sum(figures['cpu'].values()):,.0f} µs an order")
    return figures


def _stored(servers: Servers, sizes: Sizes, tell: Tell) -> list[dict[str, Any]]:
    """One long run, measured at each mark."""
    rows = []
    with Farandole(servers) as farandole:
        placed = 0
        for mark in sizes.marks:
            farandole.play(mark - placed)
            figures = measure(servers, farandole, sizes.sample)
            placed = mark + sizes.sample
            figures["stored"] = mark
            figures["resident"] = {role: max(map(resident, pids)) for role, pids in farandole.processes().items()}
            figures["tables"] = farandole.tables()
            rows.append(figures)
            tell(f"{mark:,} orders stored: {sum(figures['cpu'].values()):,.0f} µs an order")
        rows[-1]["violations"] = farandole.violations()
    return rows
