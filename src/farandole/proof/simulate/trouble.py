"""Trouble that comes from outside: somebody kills, restarts, forges, sets clocks, ships a bug; in the end it is repaired."""

from typing import TYPE_CHECKING, Final

from farandole.contract import events
from farandole.messaging import dead_letters
from farandole.messaging.decision import Row
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Refused
from farandole.proof.simulate.fate import Fault, Odds
from farandole.runtime.wiring import TOPICS
from farandole.services.payment.domain import Limit

if TYPE_CHECKING:
    from farandole.proof.simulate.world import World

_RATES: Final = {
    Fault.CRASH: 0.004,
    Fault.LEAVE: 0.01,
    Fault.OFFSETS: 0.004,
    Fault.CLOCK: 0.006,
    Fault.HOSTILE: 0.03,
}
GARBAGE: Final = (b"", b"{", b"null", b'{"order_id": 7}', b"\xff\xfe", b"[" * 2000)


class Trouble:
    """Is asked each tick whether something happens, and by the payment service and the databases whether they fail."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._limit = Limit("10000")
        self._glitches = 0
        self._odds = Odds(*(rate * world.allows(fault) for fault, rate in _RATES.items()))
        self._acts = (self._kill, self._leave, self._forget_offsets, self._set_clock, self._write)
        self._fates: dict[tuple[str, str], int] = {}
        self.stricken: set[str] = set()
        self.repaired = False

    def stir(self) -> None:
        """Perhaps something happens."""
        if outcome := self._world.fate.pick("something happens", self._odds):
            self._acts[outcome - 1]()

    def _kill(self) -> None:
        actor = self._world.actors[self._world.fate.below("who is killed", len(self._world.actors))]
        actor.die("is killed")

    def _leave(self) -> None:
        actor = self._world.actors[self._world.fate.below("who leaves", len(self._world.actors))]
        if actor.alive:
            for group in self._world.broker.groups.values():
                group.turned += 1
            actor.leave()

    def _forget_offsets(self) -> None:
        groups = list(self._world.broker.groups.values())
        if groups:
            self._world.tell("Kafka", "forgets a group's offsets")
            groups[self._world.fate.below("whose offsets", len(groups))].committed.clear()

    def _set_clock(self) -> None:
        seconds = (-3600.0, 3600.0, -0.5, 86_400.0)[self._world.fate.below("how far", 4)]
        self._world.seen["a clock jumped"] += 1
        self._world.tell("world", f"sets the clock by {seconds:+} s")
        self._world.clock.jump(seconds)

    def _write(self) -> None:
        """Garbage, or a copy of a record that is there."""
        world = self._world
        records = world.broker.records()
        if records and world.fate.pick("a copy", Odds(0.5)):
            copied = records[world.fate.below("which record", len(records))]
            if (copied.topic, copied.partition, copied.offset) in world.hostile:
                return
            headers = tuple((name, value or b"") for name, value in copied.headers)
            world.broker.land(Message(copied.topic, (copied.key or b"").decode(), copied.value or b"", headers))
            world.seen["somebody copied a record"] += 1
            return
        topic = TOPICS[world.fate.below("into which topic", len(TOPICS))]
        value = GARBAGE[world.fate.below("which garbage", len(GARBAGE))]
        record = world.broker.land(Message(topic, "nobody", value, (("ce_id", b"?"),)))
        world.hostile.add((record.topic, record.partition, record.offset))
        world.tell("stranger", f"writes garbage to {topic}")

    # Failing on purpose

    def decline(self, order_id: str, amount: int, currency: str) -> events.Reason | None:
        """The payment gateway: with a bug for some orders, with changing failures for others."""
        kind = self._fate_of("gateway", order_id, Fault.BUG, 0.1, 0.1)
        if kind == 1:
            self.stricken.add(order_id)
            raise RuntimeError("a bug of the gateway")
        if kind == 2 and self._glitches < 20:
            self._glitches += 1
            self._world.seen["a handler failed otherwise each time"] += 1
            raise RuntimeError(f"glitch {self._glitches}")
        return self._limit.decline(order_id, amount, currency)

    def refuses(self, row: Row) -> bool:
        order_id = getattr(row, "order_id", None)
        if order_id is None or type(row).__name__ not in ("Reservation", "Payment", "Notice", "Outcome"):
            return False
        if self._fate_of(type(row).__name__, order_id, Fault.UNFIT, 0.05):
            self.stricken.add(order_id)
            return True
        return False

    def _fate_of(self, what: str, order_id: str, fault: Fault, *chances: float) -> int:
        if self.repaired:
            return 0
        if (what, order_id) not in self._fates:
            self._fates[what, order_id] = self._world.suffer(f"{what} of {order_id}", fault, *chances)
        return self._fates[what, order_id]

    def repair(self) -> bool:
        """Mend what failed, and replay what it parked, twice; whether anything was replayed."""
        self.repaired = True
        replayed = False
        for name, service in self._world.services.items():
            shelf, instance = self._world.shelves[name], self._world.actors_of(name)[0].instance
            for found in self._world.oracle.letters(name):
                if (found.topic, found.partition, found.position) in self._world.hostile:
                    continue
                now = self._world.clock.wall()
                dead_letters.replay(service, shelf.database, found.id, instance, now)
                self._world.seen["a dead letter was parked and replayed"] += 1
                self._world.tell("operator", f"replays {found.topic} for {name}")
                replayed = True
                try:
                    dead_letters.replay(service, shelf.database, found.id, instance, now)
                except Refused:
                    continue
                raise AssertionError("a dead letter was replayed twice")
        for actor in self._world.actors:
            actor.intake.wake()
        return replayed
