"""What may happen to one order next, remembered; orders that differ in their ids alone share it."""

from collections.abc import Iterator
from typing import Final

from farandole.messaging.envelope import Message
from farandole.proof.verify.actors import Actor, Command, forgery
from farandole.proof.verify.bookkeeping import Bookkeeping
from farandole.proof.verify.deciding import NEVER, PARKED, SAGA, SILENT, Deciders, Interned, Look, Outcome, Part, broken
from farandole.proof.verify.local import Due, Hearing, Local, Move
from farandole.proof.verify.protocol import Detail, Kind, Label, Phase, Protocol

AGAIN: Final = ("again", "heard again, nothing changes and the same is said")
TWICE: Final = ("again", "twice in one batch is as once")
AGAINST: Final = ("again", "who looked before another commit gets a conflict")


class Locals:
    """Every local state met, and its moves."""

    def __init__(self, deciders: Deciders, protocol: Protocol, detail: Detail) -> None:
        self.deciders = deciders
        self.actors: Interned[Actor] = Interned()
        self.known: Interned[Local] = Interned()
        self._protocol, self._bookkeeping = protocol, Bookkeeping(deciders, protocol, detail)
        self._decided_on: dict[tuple[str, int], set[int]] = {}
        self._after: dict[tuple[int, bool, int, int, int, bool], int] = {}

    def start(self, actor: Actor) -> int:
        """An actor that has done nothing yet."""
        none = self.deciders.rows(frozenset())
        return self.known(Local(self.actors(actor), 0, (none,) * len(SAGA), frozenset(), (), ()))

    def actor(self, local: Local) -> Actor:
        return self.actors.values[local.actor]

    def moves(self, number: int, stock: int) -> list[Move]:
        """Everything that may happen to one order next, those first that lead towards an end."""
        local = self.known.values[number]
        found = [*self._commands(local, stock), *self._kept(local, stock), *self._hearings(local, stock)]
        return sorted(found, key=lambda move: not move.ahead)

    def due(self, number: int) -> list[Due]:
        """What of this order may be decided together with other orders, in one transaction."""
        local = self.known.values[number]
        actor = self.actor(local)
        rows = local.rows[SAGA.index(actor.service)]
        commands = [
            Due(actor.service, True, place, Part(rows, self.deciders.heard(Command(actor, place))))
            for place in range(actor.commands)
            if not local.posted >> place & 1
        ]
        return commands + [
            Due(SAGA[h.service], False, place, Part(local.rows[h.service], h.heard))
            for place, h in enumerate(local.hearings)
            if h.phase == Phase.DUE and h.said == NEVER
        ]

    def decided(self, number: int, due: Due, outcome: Outcome, part: int) -> tuple[int, Label]:
        """The order after its part of a transaction, and that part in words."""
        key = (number, due.commanded, due.place, outcome.rows[part], outcome.said[part], outcome.new[part])
        if key not in self._after:
            settle = self._posted if due.commanded else self._settled
            self._after[key] = self.known(settle(self.known.values[number], due.place, outcome, part))
        kind = Kind.POST if due.commanded else Kind.HEAR
        return self._after[key], Label(kind, due.service, due.part.heard, outcome.said[part])

    def _kept(self, local: Local, stock: int) -> Iterator[Move]:
        """What happens without a decision."""
        for after, label, ahead in self._bookkeeping.outbox(local, self.actor(local).service):
            yield Move(self.known(after), stock, label, ahead)
        for place in range(len(local.hearings)):
            for after, label, ahead in self._bookkeeping.hearing(local, place):
                yield Move(self.known(after), stock, label, ahead)

    # Commands

    def _commands(self, local: Local, stock: int) -> Iterator[Move]:
        actor = self.actor(local)
        service, rows = actor.service, local.rows[SAGA.index(actor.service)]
        for place in range(actor.commands):
            heard, again = self.deciders.heard(Command(actor, place)), bool(local.posted >> place & 1)
            part = Part(rows, heard, again)
            if outcome := self.deciders.decide(service, (part,), stock):
                yield self._post(local, place, outcome, stock)
            elif again:
                yield self._undecided(local, stock, Label(Kind.POST_AGAIN, service, heard, NEVER))
            if not again and (double := self._double(part, service, stock)):
                label = Label(Kind.TWICE, service, heard, double.said[0])
                after = self.known(self._posted(local, place, double, 0))
                yield Move(after, double.stock, label, False, (broken(TWICE, "rows or answer differ"),))
            if local.posted:
                look = Look(self.deciders.rows(frozenset()), stock)
                if twin := self.deciders.decide(service, (part._replace(again=True),), stock, look):
                    label = Label(Kind.ZOMBIE, service, heard, twin.said[0])
                    after = self.known(self._posted(local, place, twin, 0))
                    yield Move(after, twin.stock, label, False, (broken(AGAINST, "both were carried out"),))
        if actor.forged and (found := self._forgery(local)):
            after = self.known(self._bookkeeping.landed(local, found))
            yield Move(after, stock, Label(Kind.FORGE, "", found, NEVER))

    def _post(self, local: Local, place: int, outcome: Outcome, stock: int) -> Move:
        actor, again = self.actor(local), bool(local.posted >> place & 1)
        rows, found = local.rows[SAGA.index(actor.service)], outcome.broken
        if again and (outcome.rows[0] != rows or outcome.new[0] or outcome.stock != stock):
            found += (broken(AGAIN, "a command given twice was carried out twice"),)
        kind = Kind.POST_AGAIN if again else Kind.POST
        label = Label(kind, actor.service, self.deciders.heard(Command(actor, place)), outcome.said[0])
        return Move(self.known(self._posted(local, place, outcome, 0)), outcome.stock, label, not again, found)

    def _posted(self, local: Local, place: int, outcome: Outcome, part: int) -> Local:
        after = local.with_rows(SAGA.index(self.actor(local).service), outcome.rows[part])
        after = after._replace(posted=local.posted | 1 << place)
        if not outcome.new[part] or outcome.said[part] < 0:
            return after
        row = (outcome.said[part], Phase.DUE if self._protocol.outbox else Phase.DECIDED)
        return after._replace(outbox=tuple(sorted((*local.outbox, row))))

    def _forgery(self, local: Local) -> int | None:
        """A second `order.placed` by somebody else, once the first was decided; only one."""
        for hearing in local.hearings:
            message = self.deciders.heard.values[hearing.heard]
            if isinstance(message, Message) and message.topic == "order.placed" and hearing.said != NEVER:
                number = self.deciders.heard(forgery(message))
                return None if number in local.topics else number
        return None

    # Records

    def _hearings(self, local: Local, stock: int) -> Iterator[Move]:
        for place, hearing in enumerate(local.hearings):
            if hearing.said == NEVER:
                if hearing.phase != Phase.DONE:
                    yield from self._hear(local, place, stock)
            else:
                yield self._hear_again(local, place, stock)
                yield from self._zombie(local, place, stock)

    def _hear(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        """A record is decided for the first time."""
        hearing = local.hearings[place]
        name, rows = SAGA[hearing.service], local.rows[hearing.service]
        outcome = self.deciders.decide(name, (Part(rows, hearing.heard),), stock)
        if outcome is None:
            return
        self._decided_on.setdefault((name, hearing.heard), set()).add(rows)
        label = Label(Kind.HEAR, name, hearing.heard, outcome.said[0])
        yield Move(self.known(self._settled(local, place, outcome, 0)), outcome.stock, label, True, outcome.broken)
        if double := self._double(Part(rows, hearing.heard), name, stock):
            once = self._bookkeeping.landed(local, outcome.said[0])
            yield self._repeated(once, once.hearings.index(hearing), double, (Kind.TWICE, TWICE))
        if not self._protocol.commits_first and outcome.said[0] >= 0:
            early = self._bookkeeping.landed(local, outcome.said[0])
            yield Move(self.known(early), stock, label._replace(kind=Kind.SAY), False)

    def _hear_again(self, local: Local, place: int, stock: int) -> Move:
        """After a crash, or another copy, or a lost offset: nothing changes and the same is said."""
        hearing = local.hearings[place]
        name, due = SAGA[hearing.service], hearing.phase == Phase.DUE
        outcome = self.deciders.decide(name, (Part(local.rows[hearing.service], hearing.heard, True),), stock)
        if outcome is None:
            return self._undecided(local, stock, Label(Kind.HEAR_AGAIN, name, hearing.heard, NEVER))
        if self._differs(local, hearing, outcome, stock):
            return self._repeated(local, place, outcome, (Kind.HEAR_AGAIN, AGAIN))
        after = self._settled(local, place, outcome, 0) if due else local
        return Move(self.known(after), stock, Label(Kind.HEAR_AGAIN, name, hearing.heard, outcome.said[0]), due)

    def _zombie(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        """Another process still owns the partition: it looked before the decision was committed and writes after it."""
        hearing = local.hearings[place]
        name, rows = SAGA[hearing.service], local.rows[hearing.service]
        for then in self._decided_on.get((name, hearing.heard), ()):
            if not self.deciders.rows.values[then] < self.deciders.rows.values[rows]:
                continue
            outcome = self.deciders.decide(name, (Part(rows, hearing.heard, True),), stock, Look(then, stock))
            if outcome is not None and self._differs(local, hearing, outcome, stock):
                yield self._repeated(local, place, outcome, (Kind.ZOMBIE, AGAINST))
            else:
                yield Move(self.known(local), stock, Label(Kind.ZOMBIE, name, hearing.heard, NEVER), False)

    def _double(self, part: Part, service: str, stock: int) -> Outcome | None:
        """What two copies in one batch come to, if that is not what one comes to."""
        once = self.deciders.decide(service, (part,), stock)
        twice = self.deciders.decide(service, (part._replace(copies=2),), stock)
        if once is None or twice is None:
            return once and once._replace(broken=(broken(TWICE, "together they can never be decided"),))
        return None if (once.rows, once.said, once.stock) == (twice.rows, twice.said, twice.stock) else twice

    def _differs(self, local: Local, hearing: Hearing, outcome: Outcome, stock: int) -> bool:
        same = outcome.said[0] == hearing.said or hearing.said == SILENT
        return outcome.rows[0] != local.rows[hearing.service] or outcome.stock != stock or not same

    def _undecided(self, local: Local, stock: int, label: Label) -> Move:
        found = broken(AGAIN, "it can never be decided again, and is tried for ever")
        return Move(self.known(local), stock, label, False, (found,))

    def _repeated(self, local: Local, place: int, outcome: Outcome, why: tuple[Kind, tuple[str, str]]) -> Move:
        """A repetition that is none: whatever was said before and is said now may both be in the topics."""
        hearing, (kind, rule) = local.hearings[place], why
        after = self._settled(local, place, outcome, 0)
        for said in (hearing.said, outcome.said[0]):
            after = self._bookkeeping.landed(after, said)
        label = Label(kind, SAGA[hearing.service], hearing.heard, outcome.said[0])
        then, now = self.deciders.words(hearing.said), self.deciders.words(outcome.said[0])
        sentence = f"said {then} first and {now} now" if then != now else "rows, stock or answer differ"
        return Move(self.known(after), outcome.stock, label, False, (broken(rule, sentence), *outcome.broken))

    def _settled(self, local: Local, place: int, outcome: Outcome, part: int) -> Local:
        hearing, said = local.hearings[place], outcome.said[part]
        if not self._protocol.repeats and not outcome.new[part] and said != PARKED:
            said = SILENT
        after = local.with_rows(hearing.service, outcome.rows[part])
        return after.with_hearing(place, hearing._replace(phase=Phase.DECIDED, said=said))
