"""What a run with hostile records found, as figures and as lines for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """`violations` is empty when everything held; sizes in bytes, times in seconds, `waits` the longest by route."""

    half: str
    seed: int
    records: int
    seconds: float
    micros_a_record: float
    by_kind: Mapping[str, int]
    parked: Mapping[str, Mapping[str, int]]
    accepted: Mapping[str, int]
    honest_orders: int
    refused_for_now: int
    harmed: Mapping[str, int]
    resident_before: int
    resident_most: int
    logged: int
    waits: Mapping[str, float]
    violations: tuple[str, ...] = field(default=())

    @property
    def parked_in_all(self) -> int:
        return sum(sum(reasons.values()) for reasons in self.parked.values())

    def lines(self) -> Iterator[str]:
        """The report for people."""
        yield f"{self.half}: {self.records} hostile records of {len(self.by_kind)} kinds, seed {self.seed},"
        yield f"  {self.seconds:.1f} s, {self.micros_a_record:.0f} µs a record from writing to decided everywhere"
        yield f"  parked {self.parked_in_all} times: " + ", ".join(
            f"{name} {sum(reasons.values())}" for name, reasons in self.parked.items()
        )
        for rule, count in self.accepted.items():
            yield f"  accepted {count} times: {rule}"
        yield f"  {self.honest_orders} honest orders, asked to come back {self.refused_for_now} times"
        for what, count in self.harmed.items():
            yield f"  {what}: {count} orders, each of them forged or forged against"
        yield f"  memory {self.resident_before >> 20} MiB before, {self.resident_most >> 20} MiB at most"
        yield f"  {self.logged >> 10} KiB of log"
        for route, longest in self.waits.items():
            yield f"  {route}: {longest * 1000:.0f} ms at most"
        yield from (f"  VIOLATED: {violation}" for violation in self.violations)
