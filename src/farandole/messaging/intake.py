"""Commands that arrive together share a commit; what they say is an outbox row in the same transaction."""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

import structlog

from farandole.messaging import company
from farandole.messaging.backoff import Backoff
from farandole.messaging.batch import Verdict, decide
from farandole.messaging.database import Database
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Conflict, Refused, Transient, Unfit
from farandole.messaging.kernel_tables import KERNEL, OutboxRow
from farandole.messaging.relay import Relay, outbox_row
from farandole.messaging.service import Service
from farandole.messaging.surroundings import Noticed, Surroundings
from farandole.messaging.transport import Publisher, Transport

EACH: Final = 0.00025
LONGEST: Final = 0.02
"""Seconds that commands wait for company: for each of the last batch, and at most."""
log = structlog.get_logger()


class Errand(NamedTuple):
    """A command and who waits for its outcome."""

    heard: Heard[Any]
    reply: Any


Reply = Callable[[Sequence[tuple[Any, Decision | Exception]]], None]
"""Told, once a commit, the outcome for each who waits."""


class Intake:
    """Decides a service's commands and relays its outbox, driven turn by turn in one thread."""

    def __init__(
        self, service: Service, database: Database, transport: Transport, around: Surroundings, reply: Reply
    ) -> None:
        self.service, self.around = service, around
        self.trouble: str | None = None
        self.answered: Noticed | None = None  # told of committed commands
        self._database, self._transport, self._reply = database, transport, reply
        self._queue: SimpleQueue[Errand | None] = SimpleQueue()
        self._work: tuple[Sequence[Errand], ...] = ()  # replaced whole: other threads read it
        self._taken_last = 0
        self._relay: Relay | None = None
        self._publisher: Publisher | None = None
        self._backoff = Backoff(around.elapsed, around.draw)

    @property
    def backlog(self) -> int:
        """Events that wait to be published or even to be decided."""
        relayed = self._relay.backlog if self._relay else 0
        return relayed + self._queue.qsize() + sum(map(len, self._work))

    @property
    def idle(self) -> bool:
        return self.backlog == 0 and not (self._relay and self._relay.busy)

    def submit(self, heard: Heard[Any], reply: Any) -> None:
        """Have a command decided; its ids and times are assigned already, so that trying again changes nothing."""
        self._queue.put(Errand(heard, reply))

    def wake(self) -> None:
        """Something was written to the outbox by someone else in this process."""
        if self._relay:
            self._relay.look_soon()
        self._queue.put(None)

    def turn(self, patience: float) -> bool:
        """Take what waits, decide it, relay; whether anything was done. Never raises Transient."""
        try:
            return self._turn(patience)
        except Conflict:
            self.around.tally["conflicts"] += 1
            self._backoff.failed()
        except Transient as error:
            if self.trouble != str(error):
                log.warning("waiting", service=self.service.name, reason=str(error))
            self.trouble = str(error)
            self._backoff.failed()
            if self._relay:
                self._relay.look_soon()
        return False

    def _turn(self, patience: float) -> bool:
        if (left := self._backoff.seconds_left) > 0:
            self._take(min(left, patience))
            return False
        relay = self._relaying()
        if not self._work:
            self._take(min(0.005, patience) if relay.busy else patience)
        worked = bool(self._work)
        if worked:
            self._decide(self._work[0], relay)
        relay.settle()
        if not worked:
            relay.tidy()
        relay.look()
        if self.trouble:
            log.info("working again", service=self.service.name)
        self.trouble = None
        self._backoff.worked()
        return worked

    def _relaying(self) -> Relay:
        if self._relay is None:
            self._publisher = self._transport.publisher(f"{self.service.name}-relay")
            self._relay = Relay(self._database, self._publisher, self.around)
        return self._relay

    def _take(self, patience: float) -> None:
        """Take what waits, and who comes soon."""
        errands: list[Errand] = []
        try:
            first = self._queue.get(timeout=patience) if patience > 0 else self._queue.get_nowait()
            errands += [first] if first else []
            self.around.rest(company.patience(self._taken_last, EACH, LONGEST))
            while len(errands) < company.MOST:
                following = self._queue.get_nowait()
                errands += [following] if following else []
        except Empty:
            pass
        self._taken_last = len(errands)
        if errands:
            self._work = (*self._work, errands)

    def _decide(self, errands: Sequence[Errand], relay: Relay) -> None:
        try:
            verdicts, written = self._commit(errands, relay)
        except Unfit as error:
            if len(errands) == 1:
                self._work = self._work[1:]
                self._reply([(errands[0].reply, Refused(f"the database refuses it: {error}"))])
                return
            half = len(errands) // 2
            self._work = (errands[:half], errands[half:], *self._work[1:])
            return
        self._work = self._work[1:]
        outcomes = [v.decision if isinstance(v, Verdict) else v for v in verdicts]
        self.around.tally["commands"] += len(errands)
        self._reply([(errand.reply, outcome) for errand, outcome in zip(errands, outcomes, strict=True)])
        if self.answered:
            pairs = zip(errands, outcomes, strict=True)
            self.answered([(errand.heard, made) for errand, made in pairs if isinstance(made, Decision)])
        if written:
            relay.publish(written)

    def _commit(self, errands: Sequence[Errand], relay: Relay) -> tuple[list[Verdict | Exception], list[OutboxRow]]:
        now = self.around.clock()
        with self._database.writing() as transaction:
            verdicts: list[Verdict | Exception] = list(
                decide(self.service, transaction, [errand.heard for errand in errands])
            )
            written = [
                outbox_row(verdict.message, self.around.instance, now)
                for verdict in verdicts
                if isinstance(verdict, Verdict) and verdict.message and verdict.new
            ]
            in_order: list[OutboxRow] = sorted(written, key=_id)
            if in_order:
                transaction.insert(KERNEL.outbox, in_order)
            gone = relay.sweep(transaction)
        relay.swept(gone)
        return verdicts, written

    def close(self, patience: float) -> None:
        """Decide what was accepted, publish what is ready."""
        deadline = self.around.elapsed() + int(patience * 1e6)
        while not self.idle and self.around.elapsed() < deadline:
            self.turn(0.01)
        if self._publisher:
            self._publisher.close(patience)


def _id(row: OutboxRow) -> str:
    return row.id
