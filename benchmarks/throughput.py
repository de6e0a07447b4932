"""Orders a second, and CPU and memory by process: contestants take turns, so that whatever drifts drifts for all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from benchmarks.contestant import Contestant
from benchmarks.meter import Meter
from farandole.proof.ground.processes import Missing

WARM_SHARE: Final = 0.1
FEWEST: Final = 20
"""Orders that warm a contestant up, at least."""
OTHERS: Final = ("kafka", "postgres", "load", "monitor")
"""Roles that are not the processes a contestant needs to complete an order."""


class Shared(Protocol):
    """What the servers under all contestants tell of themselves."""

    def processes(self) -> Mapping[str, Sequence[int]]: ...
    def written(self) -> int:
        """Bytes of write-ahead log so far."""

    def tidy(self) -> None:
        """Take away what a contestant left."""


class Entry(NamedTuple):
    """A contestant that has not entered yet, and how many orders it is measured with."""

    name: str
    enter: Callable[[], Contestant]
    orders: int


@dataclass
class Standing:
    """What the rounds of one contestant gave, a value a round: `cpu` in µs an order, `peaks` in bytes, `wal` in bytes an order."""

    rates: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, list[list[int]]] = field(default_factory=dict)
    wal: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    missing: str = ""

    def add(self, figures: Mapping[str, Any]) -> None:
        self.violations += figures.get("violations", [])
        self.missing = figures.get("missing", self.missing)
        if "rate" not in figures:
            return
        self.rates.append(figures["rate"])
        self.wal.append(figures["wal"])
        for role, value in figures["cpu"].items():
            self.cpu.setdefault(role, []).append(value)
        for role, values in figures["peaks"].items():
            self.peaks.setdefault(role, []).append(values)

    def verdict(self) -> "Standing":
        """Itself, or nothing but why there are no figures."""
        refused = self.violations or self.missing
        return Standing(violations=self.violations, missing=self.missing) if refused else self


def measure(servers: Shared, contestant: Contestant, orders: int) -> dict[str, Any]:
    """One run of a contestant that has entered and is warm: orders a second, µs an order and peaks by role, WAL an order."""
    written = servers.written()
    meter = Meter({**contestant.processes(), **servers.processes()})
    play = contestant.play(orders)
    seconds, peaks = meter.cpu(), meter.peaks()
    if "load" in play.notes:
        seconds["load"], peaks["load"] = play.notes["load"], [int(play.notes["load_peak"])]
    return {
        "rate": orders / play.seconds,
        "cpu": {role: value / orders * 1e6 for role, value in seconds.items()},
        "peaks": peaks,
        "wal": (servers.written() - written) / orders,
    }


def judged(figures: dict[str, Any], violations: list[str]) -> dict[str, Any]:
    """The figures of a run; nothing but the violations when there are any."""
    return {"violations": violations} if violations else figures


def told(figures: Mapping[str, Any]) -> str:
    if "rate" not in figures:
        return "; ".join(figures.get("violations", [figures.get("missing", "")]))
    return f"{figures['rate']:,.0f} orders/s, {sum(figures['cpu'].values()):,.0f} µs an order"


def turn(servers: Shared, entry: Entry) -> dict[str, Any]:
    """A contestant enters, is warmed, measured and checked, and leaves; what it left is taken away."""
    try:
        with entry.enter() as contestant:
            contestant.play(max(FEWEST, int(entry.orders * WARM_SHARE)))
            figures = measure(servers, contestant, entry.orders)
            return judged(figures, contestant.violations())
    except Missing as missing:
        return {"missing": str(missing)}
    except Exception as error:  # one contestant's failure is its own; the others still have their turn
        return {"violations": [f"did not finish: {error!r}"]}
    finally:
        servers.tidy()


def throughput(
    servers: Shared, entries: Sequence[Entry], rounds: int, tell: Callable[[str], None]
) -> dict[str, Standing]:
    """By name; a contestant with a violation in any round has no figures."""
    standings = {entry.name: Standing() for entry in entries}
    for number in range(rounds):
        for entry in entries:
            figures = turn(servers, entry)
            standings[entry.name].add(figures)
            tell(f"round {number + 1}: {entry.name}: {told(figures)}")
    return {name: standing.verdict() for name, standing in standings.items()}
