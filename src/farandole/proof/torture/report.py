"""What a run found, as values for a page of evidence and as text for people."""

from collections import Counter
from dataclasses import dataclass, field

from farandole.proof.torture import seen
from farandole.proof.torture.inflight import InFlight


@dataclass(frozen=True)
class Blow:
    """One fault as it happened: `at` is in seconds since the run began."""

    at: float
    fault: str
    victim: str
    in_flight: InFlight

    @property
    def line(self) -> str:
        effect = "effective" if self.in_flight.effective else "WITHOUT EFFECT"
        return f"{self.at:7.1f} s  {self.fault}: {self.victim}: {self.in_flight}: {effect}"


@dataclass
class Episode:
    number: int
    seed: str
    seconds: float = 0
    blows: list[Blow] = field(default_factory=list)
    orders: int = 0
    acknowledged: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    """HTTP answers by status; `none` where a connection broke or nobody answered in time."""
    records: int = 0
    poison: int = 0
    parked: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    heard_again: int = 0
    rescued: int = 0
    repeated: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    logs: str = ""
    """Where the logs of an episode that failed are."""

    @property
    def line(self) -> str:
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.by_status.items()))
        return (
            f"episode {self.number}: {self.acknowledged} orders acknowledged ({ends}), {self.records} records,"
            f" {self.poison} poison, {self.duplicates} duplicates; {self.heard_again} records heard again, of which"
            f" {self.rescued} had been answered to nobody; {len(self.wrong)} findings in {self.seconds:.0f} s"
        )


@dataclass
class Report:
    """A run; `left_out` are faults that cannot be made here, with the reason, `wanted` what must be seen at least once."""

    seed: int
    episodes: list[Episode] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    seconds: float = 0

    @property
    def issued(self) -> Counter[str]:
        return Counter(blow.fault for episode in self.episodes for blow in episode.blows)

    @property
    def effective(self) -> Counter[str]:
        return Counter(b.fault for episode in self.episodes for b in episode.blows if b.in_flight.effective)

    @property
    def seen(self) -> Counter[str]:
        total = sum((episode.seen for episode in self.episodes), Counter[str]())
        return total + Counter({seen.effective(fault): times for fault, times in self.effective.items()})

    @property
    def unacknowledged(self) -> int:
        """What was between commit and acknowledgement, over all faults: records decided and events in the outbox."""
        hits = [blow.in_flight for episode in self.episodes for blow in episode.blows]
        return sum(hit.unacknowledged + hit.outbox for hit in hits)

    @property
    def never_seen(self) -> list[str]:
        return [name for name in self.wanted if not self.seen[name]]

    @property
    def violations(self) -> list[str]:
        """Why the run failed; empty when it did not."""
        found = [f"episode {e.number} (seed {e.seed}): {what}" for e in self.episodes for what in e.wrong]
        if not self.unacknowledged:
            found.append("no fault hit a record between commit and acknowledgement: this run proves nothing")
        return found + [f"never seen: {name}" for name in self.never_seen]

    def total(self, name: str) -> int:
        """The sum of a figure over the episodes."""
        return sum(getattr(episode, name) for episode in self.episodes)

    @property
    def by_status(self) -> Counter[str]:
        return sum((episode.by_status for episode in self.episodes), Counter[str]())

    def figures(self) -> dict[str, object]:
        """Everything as JSON can hold it."""
        sums = ("orders", "acknowledged", "records", "poison", "duplicates", "heard_again", "rescued", "repeated")
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "episodes": len(self.episodes),
            "faults_issued": dict(self.issued),
            "faults_effective": dict(self.effective),
            "faults_left_out": self.left_out,
            **{name: self.total(name) for name in sums},
            "by_status": dict(self.by_status),
            "parked": dict(sum((episode.parked for episode in self.episodes), Counter[str]())),
            "unacknowledged": self.unacknowledged,
            "seen": dict(self.seen),
            "never_seen": self.never_seen,
            "violations": self.violations,
        }
