"""What is held against a history: while it goes on, at each commit and each claim; at its end, every invariant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.decision import Row
from farandole.messaging.envelope import Record, event_id
from farandole.messaging.kernel_tables import KERNEL, DeadLetter, OutboxRow
from farandole.messaging.service import Service
from farandole.messaging.transport import Partition
from farandole.monitor import timeline
from farandole.monitor.storage import RECORDED
from farandole.proof.records import record_fact
from farandole.proof.simulate.database import Broken
from farandole.runtime.routes import SERVICE_FACTS
from farandole.runtime.wiring import MONITOR, NAMES

if TYPE_CHECKING:
    from farandole.proof.simulate.world import World

SAGA: Final = NAMES[:4]
R = TypeVar("R", bound=Row)
Place = tuple[str, int, int]


class Oracle:
    """Raises Broken as soon as something is wrong that no later step can right."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._parked: dict[str, set[Place]] = defaultdict(set)
        self._claimed: dict[tuple[str, Partition], int] = {}
        self._kept: dict[tuple[str, str, int], tuple[int, int]] = {}

    def committed(self, service: Service, transaction: Transaction) -> None:
        """The always-invariants over one service's rows, and offsets that only grow."""
        for row in transaction.all(KERNEL.offsets):
            place = (service.name, *row.key)
            before, after = self._kept.get(place, (0, 0)), (row.decided, row.acked)
            if min(after) < 0 or after < before or after[1] < before[1]:
                raise Broken(f"the offsets of {place} went back from {before} to {after}")
            self._kept[place] = after
        if service.name != "inventory":
            return
        broken = [found for found in findings(SERVICE_FACTS["inventory"](transaction)) if found.violations]
        if broken:
            raise Broken(f"{broken[0].id} {broken[0].title}: {broken[0].examples[0]}")

    def parked(self, service: Service, letters: Iterable[DeadLetter]) -> None:
        """Only what cannot be decided may be parked, and once."""
        for found in letters:
            place = (found.topic, found.partition, found.position)
            honest = place not in self._world.hostile
            if honest and (found.record_key or b"").decode() not in self._world.trouble.stricken:
                raise Broken(f"{service.name} parked the honest record {place}: {found.error}")
            if place in self._parked[service.name]:
                raise Broken(f"{service.name} parked {place} twice")
            self._parked[service.name].add(place)

    def acknowledged(self, service: Service, offsets: Mapping[Partition, int]) -> None:
        """Every record below these offsets must have a durable answer, or be parked."""
        for at, end in offsets.items():
            known = self._claimed.get((service.name, at), 0)
            for record in self._world.broker.logs[at][known:end]:
                if not self._answered(service, record):
                    raise Broken(
                        f"{service.name} committed {at.topic}/{at.partition} up to {end}, but what it answers to"
                        f" offset {record.offset} is not durable"
                    )
            self._claimed[service.name, at] = max(known, end)

    def _answered(self, service: Service, record: Record) -> bool:
        place = (record.topic, record.partition, record.offset)
        if not service.steps or place in self._parked[service.name]:
            return True
        cause = dict(record.headers)["ce_id"]
        steps = (step for step in service.steps if step.hears.topic == record.topic)
        assert cause is not None
        return any(event_id(cause.decode(), step.name) in self._world.broker.landed for step in steps)

    def final(self) -> list[str]:
        """Sentences about what is wrong when nothing is in flight."""
        return [*self._broken_invariants(), *self._wrong_letters(), *self._unseen()]

    def facts(self) -> Facts:
        world = self._world
        honest = [r for r in world.broker.records() if (r.topic, r.partition, r.offset) not in world.hostile]
        facts = Facts(acknowledged=world.acknowledged, records=[record_fact(record) for record in honest])
        for name in SAGA:
            with world.shelves[name].database.reading() as transaction:
                facts |= SERVICE_FACTS[name](transaction)
        return facts

    def _broken_invariants(self) -> Iterator[str]:
        for found in findings(self.facts()):
            if found.violations is None:
                yield f"{found.id} {found.title}: not observed"
            elif found.violations:
                yield f"{found.id} {found.title}: {found.examples[0]}"

    def _wrong_letters(self) -> Iterator[str]:
        """Hostile records are parked by everyone who hears them, everything else was replayed."""
        for name, service in self._world.services.items():
            kept = {(x.topic, x.partition, x.position) for x in self.letters(name) if x.replayed_at is None}
            due = {place for place in self._world.hostile if place[0] in service.topics}
            yield from (f"{name} parked the honest record {place}" for place in sorted(kept - due))
            yield from (f"{name} did not park the undecodable record {place}" for place in sorted(due - kept))

    def letters(self, name: str) -> list[DeadLetter]:
        return self._all(name, KERNEL.dead_letters)

    def _all(self, name: str, relation: Relation[R]) -> list[R]:
        with self._world.shelves[name].database.reading() as transaction:
            return transaction.all(relation)

    def outbox(self, name: str) -> list[OutboxRow]:
        return self._all(name, KERNEL.outbox)

    def _unseen(self) -> Iterator[str]:
        """Steps that the monitor, where there is one, does not know."""
        if MONITOR not in self._world.services:
            return
        rows = defaultdict(list)
        for row in self._all(MONITOR, RECORDED):
            rows[row.order_id].append(row)
        for order_id in self._world.acknowledged:
            if missing := timeline.expected(rows[order_id]):
                yield f"the monitor does not know that {order_id} took {missing[0].name}"
