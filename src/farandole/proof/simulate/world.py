"""One history: processes, customers and faults take turns as fate says, until faults stop and everything must come to rest."""

from collections import Counter
from dataclasses import replace
from typing import Final, NamedTuple

from uuid_utils import UUID, uuid5

from farandole.messaging.decision import Row
from farandole.messaging.failure import Transient
from farandole.messaging.service import Service
from farandole.proof.simulate.actor import Actor, Crash
from farandole.proof.simulate.broker import SESSION_SECONDS, Broker
from farandole.proof.simulate.clock import Clock
from farandole.proof.simulate.customers import Asker
from farandole.proof.simulate.database import Broken, Shelf
from farandole.proof.simulate.fate import Fate, Fault, Odds, odds
from farandole.proof.simulate.oracle import Oracle, Place
from farandole.proof.simulate.plan import plan
from farandole.proof.simulate.trouble import Trouble
from farandole.runtime.wiring import TOPICS
from farandole.services.payment import handlers as payment_handlers
from farandole.services.payment.domain import Gateway

CRASHED, FAILED, STALLED, ZOMBIE = 1, 2, 3, 4
REST_ROUNDS: Final = 400
"""Rounds of turns within which everything must have come to rest, each a quarter of a second long."""
_NAMESPACE: Final = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class Line(NamedTuple):
    """Something that happened: when, to whom, what."""

    at: float
    who: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:10.6f} {self.who}: {self.text}"


class Restless(Exception):
    """Something never came to rest although nothing disturbed it."""


class World:
    """Everything a history consists of; `hostile` are places in topics that hold no honest record."""

    def __init__(self, fate: Fate, services: dict[str, Service], shelves: dict[str, Shelf]) -> None:
        self.fate, self.shelves = fate, shelves
        self.clock = Clock()
        self.lines: list[Line] = []
        self.seen: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.hostile: set[Place] = set()
        self.healthy = False
        self.points = 0
        self._ids = 0
        self._stalls = 0
        self._turn = 0
        self._allowed = fate.swarm()
        self.trouble = Trouble(self)
        planned = plan(self)
        names = [name for name in services if name in planned.services]
        self.services = {name: services[name] for name in names}
        self.services["payment"] = self._with_gateway(services["payment"])
        self.broker = Broker(TOPICS, planned.partitions, self.clock.wall)
        self.oracle = Oracle(self)
        self.ticks, self.impatient, self.crowded = planned.ticks, planned.impatient, planned.crowded
        self._point_odds: dict[Fault | None, Odds] = {
            fails: Odds(
                0.004 * self.allows(Fault.CRASH),
                0.008 * bool(fails and self.allows(fails)),
                0.01 * self.allows(Fault.STALL),
                0.003 * self.allows(Fault.ZOMBIE),
            )
            for fails in (None, Fault.STATEMENT, Fault.NETWORK)
        }
        self.actors = [Actor(self, self.services[name], n) for name in names for n in range(1, planned.processes + 1)]
        self.askers: list[Asker] = planned.askers

    def _with_gateway(self, payment: Service) -> Service:
        gateway: Gateway = self.trouble
        return replace(payment, handlers=payment_handlers.handlers(gateway))

    def allows(self, fault: Fault) -> bool:
        return fault in self._allowed

    def play(self) -> list[str]:
        """The whole history; sentences about what went wrong."""
        try:
            for _ in range(self.ticks):
                self._tick()
            self.healthy = True
            self.tell("world", "no fault any more")
            self._rest()
            if self.trouble.repair():
                self._rest()
            return self.oracle.final()
        except (Broken, Restless) as error:
            return [str(error)]
        except Exception as error:
            return [f"a process ended with {type(error).__name__}: {error}"]

    def _tick(self) -> None:
        self._pass(PAUSES[self.fate.pick("time passes", _TIME)])
        self.trouble.stir()
        actor = self.actors[(self._turn + self.fate.below("who is next", len(self.actors))) % len(self.actors)]
        self._turn += 1
        if actor.alive:
            actor.turn()
        elif not self.fate.pick(f"{actor.name} stays down", _DOWN):
            self._start(actor)
        for asker in self.askers if self.crowded else [self.askers[self._turn % len(self.askers)]]:
            if self.impatient or asker.service == "inventory" or self._stocked:
                asker.act()

    @property
    def _stocked(self) -> bool:
        return all(asker.answered for asker in self.askers if asker.service == "inventory")

    def _start(self, actor: Actor) -> None:
        actor.start()
        self.tell(actor.name, "starts")

    def _rest(self) -> None:
        """Everybody takes turns until nothing is in flight."""
        for _ in range(REST_ROUNDS):
            self._pass(0.25)
            for actor in self.actors:
                if not actor.alive:
                    self._start(actor)
                actor.turn()
            for asker in self.askers:
                asker.act()
            if self._quiet:
                return
        raise Restless(f"nothing disturbs it, but it does not come to rest: {self._restless()}")

    @property
    def _quiet(self) -> bool:
        if not all(asker.answered for asker in self.askers) or not all(actor.idle for actor in self.actors):
            return False
        if any(self.oracle.outbox(name) for name in self.services):
            return False
        return all(group.attended for group in self.broker.groups.values())

    def _restless(self) -> str:
        waiting = [f"{actor.name} ({actor.consumer.trouble or 'at work'})" for actor in self.actors if not actor.idle]
        unanswered = [f"{type(asker).__name__} {asker.number}" for asker in self.askers if not asker.answered]
        outboxes = [f"the outbox of {name}" for name in self.services if self.oracle.outbox(name)]
        return ", ".join([*waiting, *unanswered, *outboxes]) or "a partition has no reader"

    def _pass(self, seconds: float) -> None:
        self.clock.pass_(seconds)
        for group in self.broker.groups.values():
            for member in group.expel(self.clock.seconds):
                self.seen["a member was expelled"] += 1
                self.tell("Kafka", f"expels {member.name}")

    # What actors ask

    def point(self, actor: Actor, name: str, fails: Fault | None) -> None:
        """A place where fate may end, fail or stall a process."""
        if self.healthy:
            return
        self.points += 1
        outcome = self.fate.pick(f"{actor.name} {name}", self._point_odds[fails])
        if outcome == CRASHED:
            self.seen[f"a crash {name}"] += 1
            self.tell(actor.name, f"dies {name}")
            raise Crash
        if outcome == FAILED and fails:
            self.seen[f"{fails}"] += 1
            self.tell(actor.name, f"fails {name}")
            raise Transient(f"simulated: it fails {name}")
        if outcome in (STALLED, ZOMBIE):
            self._stall(actor, name, SESSION_SECONDS + 1 if outcome == ZOMBIE else 0.1)

    def _stall(self, actor: Actor, name: str, seconds: float) -> None:
        """Others go on while this process stands still in the middle of its work."""
        if self._stalls or self.shelves[actor.service.name].busy:
            return
        self._stalls += 1
        self.tell(actor.name, f"stands still {name}")
        subscriptions = actor.transport.subscriptions
        for subscription in subscriptions:
            subscription.member.silent_since = self.clock.seconds
        for _ in range(4):
            self._pass(seconds / 4)
            for other in self.actors:
                if other.alive and not other.running:
                    other.turn()
        for subscription in subscriptions:
            subscription.member.silent_since = None
            if subscription.member.expelled:
                self.seen["a zombie went on"] += 1
        self.tell(actor.name, "goes on")
        self._stalls -= 1

    def suffer(self, name: str, fault: Fault, *chances: float) -> int:
        if self.healthy:
            return 0
        return self.fate.pick(name, odds(chances, self.allows(fault)))

    def refuses(self, row: Row) -> bool:
        return self.trouble.refuses(row)

    def tell(self, who: str, text: str) -> None:
        self.lines.append(Line(self.clock.seconds, who, text))

    def new_id(self) -> str:
        self._ids += 1
        return str(uuid5(_NAMESPACE, f"{self._ids}"))

    def actors_of(self, service: str) -> list[Actor]:
        return [actor for actor in self.actors if actor.service.name == service]


PAUSES: Final = (0.002, 0.3, 3.0, 12.0)
_TIME: Final = Odds(0.1, 0.02, 0.005)
_DOWN: Final = Odds(0.8)
