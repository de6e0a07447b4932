"""Decide, commit, publish, and only when every answer is acknowledged commit the offsets: what a service hears is its outbox."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import structlog

from farandole.messaging import company
from farandole.messaging.backoff import Backoff
from farandole.messaging.batch import Verdict, decide
from farandole.messaging.database import Database
from farandole.messaging.dead_letters import Announcer, letter, park
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard, Message, Record, unseal
from farandole.messaging.failure import Conflict, Poison, Transient, Unfit
from farandole.messaging.kernel_tables import DeadLetter
from farandole.messaging.offsets import Offsets, ends
from farandole.messaging.service import Service
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Partition, Publisher, Receipt, Subscription, Transport

EACH: Final = 0.0003
LONGEST: Final = 0.05
"""Seconds that records wait for company: for each of the last batch, and at most."""
WINDOW: Final = 8
"""Batches whose answers may be under way."""
COMMIT_EVERY: Final = 200_000
"""Microseconds between two commits of offsets to the transport under load; the database has them with each batch."""
LAST_WORDS: Final = 2.0
"""Seconds to wait for acknowledgements when partitions are taken away."""

log = structlog.get_logger()


class _UnderWay(NamedTuple):
    ends: dict[Partition, int]
    receipt: Receipt


class Consumer:
    """One member of a service's group, driven turn by turn in one thread."""

    def __init__(self, service: Service, database: Database, transport: Transport, around: Surroundings) -> None:
        self.service, self.around = service, around
        self.trouble: str | None = "not started"
        self._database, self._transport = database, transport
        self._publisher: Publisher | None = None
        self._subscription: Subscription | None = None
        self._offsets = Offsets()
        self._work: deque[Sequence[Record]] = deque()
        self._under_way: deque[_UnderWay] = deque()
        self._backoff = Backoff(around.elapsed, around.draw)
        self._acknowledged: dict[Partition, int] = {}
        self._commit_at = 0
        self._suspect: tuple[Record, str] | None = None
        self._announce = Announcer(service.name, around.elapsed)
        self._paused = False
        self._heard_last = 0

    @property
    def idle(self) -> bool:
        """Nothing heard is undecided, nothing decided is unacknowledged."""
        return not self._work and not self._under_way and not self._acknowledged and self.trouble is None

    def turn(self, patience: float) -> bool:
        """Hear what waits, decide it, say the answers; whether anything was done. Never raises Transient."""
        try:
            return self._turn(patience)
        except Conflict as error:
            self.around.tally["conflicts"] += 1
            log.debug("conflict", service=self.service.name, error=str(error))
            self._backoff.failed()
        except Transient as error:
            self._troubled(error)
        return False

    def _turn(self, patience: float) -> bool:
        if (left := self._backoff.seconds_left) > 0:
            self._keep_membership(min(patience, left))
            return False
        subscription, publisher = self._joined()
        self._settle(publisher)
        if len(self._under_way) >= WINDOW:
            publisher.poll(patience)
            return False
        if not self._work:
            self._hear(subscription, 0.005 if self._under_way else patience)
        if not self._work:
            self._commit_offsets(at_rest=not self._under_way)
            self._working()
            return False
        self._decide(self._work[0], publisher)
        self._working()
        return True

    def _joined(self) -> tuple[Subscription, Publisher]:
        if self._publisher is None:
            self._publisher = self._transport.publisher(self.service.name)
        if self._subscription is None:
            group = f"farandole.{self.service.name}"
            self._subscription = self._transport.subscribe(group, self.service.topics, self._revoked)
        return self._subscription, self._publisher

    def _hear(self, subscription: Subscription, patience: float) -> None:
        if openings := subscription.openings():
            with self._database.reading() as transaction:
                starts = self._offsets.open(openings, transaction, self.around.begin)
            subscription.begin(starts)
        self._take(subscription, patience)

    def _take(self, subscription: Subscription, patience: float) -> None:
        """Add what waits to the work."""
        gather = company.patience(self._heard_last, EACH, LONGEST)
        records = subscription.poll(company.MOST, patience, gather)
        self._heard_last = len(records)
        if records:
            self._work.append(records)

    def _decide(self, records: Sequence[Record], publisher: Publisher) -> None:
        """Decide one piece of work in one transaction; a piece with a row that does not fit is split until it is alone."""
        try:
            decided = self._commit(records, None)
        except Unfit as error:
            if len(records) > 1:
                self._split(records)
                return
            if self._suspect != (records[0], str(error)):
                self._suspect = (records[0], str(error))
                return
            decided = self._commit(records, error)
        messages = list(dict.fromkeys(message for _, _, message in decided if message))
        receipt = publisher.publish(messages)  # may raise Transient: the records stay due and are answered again
        self._work.popleft()
        self._suspect = None
        reached = ends(records)
        self._offsets.decided(reached)
        self._under_way.append(_UnderWay(reached, receipt))
        self.around.tally["batches"] += 1
        self.around.tally["records"] += len(records)
        self.around.notice([(heard, decision) for heard, decision, _ in decided])

    def _commit(
        self, records: Sequence[Record], unfit: Unfit | None
    ) -> list[tuple[Heard[Any], Decision, Message | None]]:
        """What was decided and is now durable; `unfit` says why the only record of this batch must be parked."""
        now = self.around.clock()
        heard: list[tuple[Record, Heard[Any]]] = []
        letters: list[DeadLetter] = []
        for record in records:
            try:
                if unfit:
                    raise Poison(f"the database refuses it: {unfit}")
                heard.append((record, unseal(record, self.service.decoders[record.topic], now)))
            except Poison as error:
                letters.append(self._letter(record, error, now))
        decided = []
        with self._database.writing() as transaction:
            verdicts = decide(self.service, transaction, [event for _, event in heard])
            for (record, event), verdict in zip(heard, verdicts, strict=True):
                if isinstance(verdict, Verdict):
                    decided.append((event, verdict.decision, verdict.message))
                else:
                    letters.append(self._letter(record, verdict, now))
            parked = park(transaction, letters)
            self._offsets.write(transaction, ends(records))
        if parked:
            self.around.tally["parked"] += parked
            self._announce(letters)
        return decided

    def _letter(self, record: Record, error: Exception, now: int) -> DeadLetter:
        return letter(self.service.name, (self._offsets.topic_id(record), record), error, now)

    def _split(self, records: Sequence[Record]) -> None:
        half = len(records) // 2
        self._work.popleft()
        self._work.extendleft((records[half:], records[:half]))

    def _settle(self, publisher: Publisher) -> None:
        """Commit the offsets of the acknowledged prefix."""
        self._heed(publisher)
        self._commit_offsets()

    def _heed(self, publisher: Publisher) -> None:
        publisher.poll(0)
        while self._under_way and self._under_way[0].receipt.done:
            reached = self._under_way.popleft().ends
            self._offsets.acked(reached)
            self._acknowledged |= reached

    def _commit_offsets(self, *, at_rest: bool = False, wait: bool = False) -> None:
        if not self._acknowledged or not self._subscription:
            return
        now = self.around.elapsed()
        if at_rest or wait or now >= self._commit_at:
            self._subscription.commit(self._acknowledged, wait=wait)
            self._acknowledged, self._commit_at = {}, now + COMMIT_EVERY

    def _revoked(self, partitions: frozenset[Partition]) -> None:
        """Say what is decided, commit its offsets, and forget the partitions."""
        self._last_words(LAST_WORDS)
        self._offsets.drop(partitions)
        self._acknowledged = {p: end for p, end in self._acknowledged.items() if p not in partitions}
        kept = ([r for r in piece if (r.topic, r.partition) not in partitions] for piece in self._work)
        self._work = deque(piece for piece in kept if piece)
        self._under_way = deque(
            _UnderWay({p: end for p, end in batch.ends.items() if p not in partitions}, batch.receipt)
            for batch in self._under_way
        )

    def _last_words(self, seconds: float) -> None:
        if self._publisher is None:
            return
        deadline, wait = self.around.elapsed() + int(seconds * 1e6), bool(self._under_way)
        while self._under_way and self.around.elapsed() < deadline:
            self._publisher.poll(0.02)
            self._heed(self._publisher)
        self._commit_offsets(at_rest=True, wait=wait)

    def _keep_membership(self, patience: float) -> None:
        if self._publisher:
            self._settle(self._publisher)
        if self._subscription:
            self._take(self._subscription, patience)

    def _troubled(self, error: Transient) -> None:
        if self.trouble != str(error):
            log.warning("waiting", service=self.service.name, reason=str(error))
        self.trouble = str(error)
        self.around.tally["waits"] += 1
        self._backoff.failed()
        if self._subscription and not self._paused:
            self._subscription.pause()
            self._paused = True

    def _working(self) -> None:
        if self._paused and self._subscription:
            self._subscription.resume()
        if self.trouble not in (None, "not started"):
            log.info("working again", service=self.service.name)
        self._paused = False
        self.trouble = None
        self._backoff.worked()

    def close(self, patience: float) -> None:
        """Say what is decided, commit its offsets and leave the group."""
        self._last_words(patience)
        if self._subscription:
            self._subscription.close()
        if self._publisher:
            self._publisher.close(patience)
