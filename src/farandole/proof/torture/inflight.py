"""What a fault hits, measured at its instant: a fault counts only when something was in flight.

*Unacknowledged* are records whose decision is committed in a service's database while nothing durable says that its answer is
out: `decided` minus the larger of `acked` and the group's committed offset, over the victim's partitions. For a process that
was just killed or frozen this is exact, because nobody else writes these rows before its session ends, and all of them must be
heard again. While a broker is away `acked` alone is known. *Outbox* are order.placed events of the victim that are committed
and not known to be published, *requests* what customers wait for, *exchanges* what was open in PostgreSQL or
asked of a server through the proxy, *refused* what a full disk or a constraint made fail while the fault lasted.

A fault is effective when any of these is more than zero.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

import psycopg
from confluent_kafka import KafkaException

from farandole.proof.ground.postgres import libpq_url
from farandole.proof.torture.reading import Place, Topics

OFFSETS: Final = "SELECT topic, partition, decided, acked FROM consumer_offsets"
OUTBOX: Final = "SELECT id FROM outbox WHERE instance LIKE %s"
OPEN: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend' AND (state = 'active' OR state LIKE 'idle in transaction%%')"
)
TERMINATE: Final = (
    "SELECT pg_terminate_backend(pid), state = 'active' OR state LIKE 'idle in transaction%%' FROM pg_stat_activity"
    " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


class Span(NamedTuple):
    """Records of one partition that are decided and must be heard again."""

    service: str
    place: Place
    start: int
    end: int


@dataclass(frozen=True)
class InFlight:
    unacknowledged: int = 0
    outbox: int = 0
    requests: int = 0
    exchanges: int = 0
    refused: int = 0

    @property
    def effective(self) -> bool:
        return any(asdict(self).values())

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in asdict(self).items() if count) or "nothing in flight"


@dataclass(frozen=True)
class Hit:
    """Who was hit and what was in flight; `spans` and `outbox` are what a process that
    was stopped leaves to others: records to hear again, events to relay."""

    victim: str
    in_flight: InFlight
    spans: tuple[Span, ...] = ()
    outbox: frozenset[str] = field(default_factory=frozenset)


class Watch:
    """Looks at the databases and groups of one episode from outside."""

    def __init__(self, databases: Mapping[str, str], topics: Topics) -> None:
        self._databases = {name: libpq_url(url) for name, url in databases.items()}
        self._topics = topics

    def ask(self, service: str, statement: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement; raises psycopg.Error while the database is away."""
        with psycopg.connect(self._databases[service], autocommit=True, connect_timeout=5) as connection:
            found = connection.execute(statement, tuple(values) or None)
            return found.fetchall() if found.description else []

    def members(self, service: str) -> dict[str, frozenset[Place]]:
        """Who has which partitions, by client id; raises KafkaException while the broker is away."""
        return self._topics.members(service)

    def decided(self, service: str) -> dict[Place, int]:
        """How far a service has heard each partition."""
        return {(topic, partition): end for topic, partition, end, _ in self.ask(service, OFFSETS)}

    def unacknowledged(
        self, service: str, places: Collection[Place] | None = None, *, ask: bool = True
    ) -> tuple[Span, ...]:
        """Records that are decided and not known to be answered, in some partitions or in all."""
        decisions, committed = self.ask(service, OFFSETS), dict[Place, int]()
        if ask:
            with suppress(KafkaException):
                committed = self._topics.committed(service, {row[0] for row in decisions})
        spans = []
        for topic, partition, decided, acked in decisions:
            start = max(acked, committed.get((topic, partition), 0))
            if start < decided and (places is None or (topic, partition) in places):
                spans.append(Span(service, (topic, partition), start, decided))
        return tuple(spans)

    def outbox(self, pid: int | None = None) -> frozenset[str]:
        """Ids of events that wait in the order service's outbox, of one process or of all."""
        mine = "%" if pid is None else f"%-{pid}-%"
        return frozenset(str(row[0]) for row in self.ask("order", OUTBOX, (mine,)))

    def open_transactions(self) -> int:
        names = [url.rpartition("/")[2] for url in self._databases.values()]
        return int(self.ask("order", OPEN, (names,))[0][0])

    def terminate(self, service: str) -> int:
        """End every connection to a database; how many were in a transaction."""
        database = self._databases[service].rpartition("/")[2]
        return sum(bool(busy) for _, busy in self.ask(service, TERMINATE, (database,)))


def count(spans: Iterable[Span]) -> int:
    return sum(span.end - span.start for span in spans)
