"""A process of a service: the real consumer and the real intake, which may die at any point and is started anew."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from farandole.messaging.consumer import Consumer
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision, Row
from farandole.messaging.envelope import Heard
from farandole.messaging.intake import Intake
from farandole.messaging.kernel_tables import DeadLetter
from farandole.messaging.service import Service
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Partition
from farandole.proof.simulate.database import SimDatabase
from farandole.proof.simulate.fate import Fault
from farandole.proof.simulate.transport import SimTransport

if TYPE_CHECKING:
    from farandole.proof.simulate.world import World

CROWD: Final = 100
"""Records of a batch that is called large."""


class Crash(BaseException):
    """The process is dead; nothing may catch this but whoever started it."""


class Actor:
    """A place where processes of one service run, one after the other; `name` stays, `instance` does not."""

    def __init__(self, world: "World", service: Service, number: int) -> None:
        self.name = f"{service.name}-{number}"
        self.service = service
        self.broker = world.broker
        self._world, self._generation = world, 0
        self.running = False
        self.start()

    def start(self) -> None:
        """A new process; nothing is left of the one before but what is durable."""
        self._generation += 1
        self.alive, self.dead_since = True, 0.0
        self.instance = f"{self.name}.{self._generation}"
        self.transport = SimTransport(self)
        world, shelf = self._world, self._world.shelves[self.service.name]
        database = SimDatabase(shelf, self)
        around = Surroundings(
            world.clock.wall,
            lambda: 0.5,
            notice=self._notice,
            instance=self.instance,
            elapsed=world.clock.elapsed,
            rest=self.rest,
        )
        self.tally: Counter[str] = around.tally
        self.consumer = Consumer(self.service, database, self.transport, around)
        self.intake = Intake(self.service, database, self.transport, around, self._reply)

    def turn(self) -> None:
        """One turn of the consumer and one of the intake."""
        self._guarded(self._turn)

    def _turn(self) -> None:
        self.consumer.turn(0)
        self.intake.turn(0)

    def leave(self) -> None:
        """End in good order; a new process may be started afterwards."""
        self.tell("leaves")
        self._guarded(self._close)
        self.die("left", silently=True)

    def _close(self) -> None:
        self.consumer.close(1.0)
        self.intake.close(0)

    def _guarded(self, work: Callable[[], None]) -> None:
        self.running = True
        try:
            work()
        except Crash:
            self.die("crashes")
        finally:
            self.running = False

    def die(self, word: str, *, silently: bool = False) -> None:
        if not self.alive:
            return
        self.alive, self.dead_since = False, self._world.clock.seconds
        if not silently:
            self.tell(word)
        for publisher in self.transport.publishers:
            publisher.die()
        for subscription in self.transport.subscriptions:
            subscription.member.silent_since = self._world.clock.seconds

    @property
    def idle(self) -> bool:
        """Nothing is in flight here, and everything of its share is heard."""
        if not (self.alive and self.consumer.idle and self.intake.idle and self.intake.trouble is None):
            return False
        return all(subscription.heard_all for subscription in self.transport.subscriptions)

    # What the simulated transport and database ask of their process

    def rest(self, seconds: float) -> None:
        self._world.clock.pass_(seconds)

    def point(self, name: str, fails: Fault | None = None) -> None:
        self._world.point(self, name, fails)

    def suffer(self, name: str, fault: Fault, *chances: float) -> int:
        return self._world.suffer(f"{self.name} {name}", fault, *chances)

    def tell(self, text: str) -> None:
        self._world.tell(self.name, text)

    def seen(self, what: str) -> None:
        self._world.seen[what] += 1

    def acknowledged(self, offsets: Mapping[Partition, int]) -> None:
        self._world.oracle.acknowledged(self.service, offsets)

    def parked(self, letters: Iterable[DeadLetter]) -> None:
        self._world.oracle.parked(self.service, letters)

    def refuses(self, row: Row) -> bool:
        return self._world.refuses(row)

    def committed(self, transaction: Transaction) -> None:
        self._world.oracle.committed(self.service, transaction)

    def _reply(self, outcomes: Sequence[tuple[Any, Decision | Exception]]) -> None:
        for customer, outcome in outcomes:
            customer.hear(outcome)

    def _notice(self, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
        again = sum(decision.guard.decided_at < heard.at for heard, decision in decisions)
        if again:
            self.seen("a record was heard again and answered from its row")
        if len(decisions) == 1:
            self.seen("a batch of one was decided")
        if len(decisions) >= CROWD:
            self.seen("a batch of a hundred was decided")
