"""Orders a second, and CPU and memory by process: contestants take turns, so that whatever drifts drifts for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from benchmarks.contestant import Contestant
from benchmarks.ground import Servers
from benchmarks.meter import Meter

WARM_SHARE: Final = 0.1
OTHERS: Final = ("kafka", "postgres", "load")
"""Roles that are not the contestant's own processes."""


class Entry(NamedTuple):
    """A contestant that has not entered yet, and how many orders it is measured with."""

    name: str
    enter: Callable[[], Contestant]
    orders: int


@dataclass
class Standing:
    """What the rounds of one contestant gave; `cpu` in µs an order and `peaks` in bytes by role, a value a round."""

    rates: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, list[int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def add(self, figures: Mapping[str, Any]) -> None:
        self.rates.append(figures["rate"])
        for role, value in figures["cpu"].items():
            self.cpu.setdefault(role, []).append(value)
        for role, value in figures["peaks"].items():
            self.peaks.setdefault(role, []).append(value)


def measure(servers: Servers, contestant: Contestant, orders: int) -> dict[str, Any]:
    """One run of a contestant that has entered and is warm: orders a second, µs an order by role, peaks by role."""
    meter = Meter({**contestant.processes(), **servers.processes()})
    play = contestant.play(orders)
    seconds = meter.cpu()
    seconds["load"] = seconds.get("load", 0) + play.notes.get("load", 0)
    return {
        "rate": orders / play.seconds,
        "cpu": {role: value / orders * 1e6 for role, value in seconds.items()},
        "peaks": meter.peaks(),
    }


def throughput(servers: Servers, entries: list[Entry], rounds: int, tell: Callable[[str], None]) -> dict[str, Standing]:
    """By name; a contestant with a violation has no figures."""
    standings = {entry.name: Standing() for entry in entries}
    for number in range(rounds):
        for entry in entries:
            with entry.enter() as contestant:
                contestant.play(max(20, int(entry.orders * WARM_SHARE)))
                figures = measure(servers, contestant, entry.orders)
                violations = contestant.violations()
            standings[entry.name].violations += violations
            standings[entry.name].add(figures)
            tell(f"round {number + 1}: {entry.name}: {figures['rate']:,.0f} orders/s {violations or ''}")
    return {name: s if not s.violations else Standing(violations=s.violations) for name, s in standings.items()}
