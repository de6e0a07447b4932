"""What is known of one order, and what may happen to it next; orders that differ in their ids alone share it."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from farandole.contract.invariants import Finding
from farandole.messaging.envelope import Message
from farandole.proof.verify.actors import Actor, Command, forged, forgery
from farandole.proof.verify.deciding import NEVER, PARKED, SAGA, SILENT, Deciders, Interned, Look, Outcome, Part, broken
from farandole.proof.verify.protocol import Detail, Kind, Label, Phase, Protocol

AGAIN: Final = ("again", "heard again, nothing changes and the same is said")
ZOMBIE: Final = ("again", "of two owners of a partition one gets a conflict")
OUTBOX: Final = -1


class Hearing(NamedTuple):
    """One service and one record it subscribes to: how far it is, and what it last said."""

    service: int
    heard: int
    phase: int
    said: int


class Local(NamedTuple):
    """One order: its rows at each service, its records in the topics, who has heard them, its outbox rows."""

    actor: int
    posted: int
    rows: tuple[int, int, int, int]
    topics: frozenset[int]
    hearings: tuple[Hearing, ...]
    outbox: tuple[tuple[int, int], ...]

    @property
    def quiet(self) -> bool:
        """Nothing is in flight."""
        return not self.outbox and all(hearing.phase == Phase.DONE for hearing in self.hearings)


class Move(NamedTuple):
    """A transition: the order and the stock after it, whether it is a step ahead, and what it violates."""

    local: int
    stock: int
    label: Label
    ahead: bool = True
    broken: tuple[Finding, ...] = ()


class Due(NamedTuple):
    """What a service may take into a batch: a record (its place among the hearings) or a command (below zero)."""

    service: str
    commanded: bool
    place: int
    part: Part


class Locals:
    """Every local state met, and its moves."""

    def __init__(self, deciders: Deciders, protocol: Protocol, detail: Detail) -> None:
        self.deciders, self.protocol, self.detail = deciders, protocol, detail
        self.actors: Interned[Actor] = Interned()
        self.known: Interned[Local] = Interned()
        self._decided_on: dict[tuple[str, int], set[int]] = {}
        self._after: dict[tuple[int, bool, int, int, int, bool], int] = {}

    @cached_property
    def takers(self) -> list[tuple[str, bool]]:
        """Who decides batches: each service's consumer, and its intake of commands."""
        return [(name, commanded) for name in SAGA for commanded in (False, True)]

    @cached_property
    def _volatile(self) -> bool:
        return self.detail is Detail.PROCESSES

    def start(self, actor: Actor) -> int:
        """An actor that has done nothing yet."""
        none = self.deciders.rows(frozenset())
        return self.known(Local(self.actors(actor), 0, (none,) * 4, frozenset(), (), ()))

    def moves(self, number: int, stock: int) -> list[Move]:
        """Everything that may happen to one order next, those first that lead towards an end."""
        local = self.known.values[number]
        found = [*self._commands(local, stock), *self._relayed(local, stock), *self._hearings(local, stock)]
        return sorted(found, key=lambda move: not move.ahead)

    def due(self, number: int) -> list[Due]:
        """What of this order may be decided together with other orders, in one transaction."""
        local = self.known.values[number]
        actor = self.actors.values[local.actor]
        commands = [
            Due(actor.service, True, place, Part(local.rows[SAGA.index(actor.service)], heard))
            for place, heard in self._unposted(local)
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
            local = self.known.values[number]
            settle = self._posted if due.commanded else self._settled
            self._after[key] = self.known(settle(local, due.place, outcome, part))
        kind = Kind.POST if due.commanded else Kind.HEAR
        return self._after[key], Label(kind, due.service, due.part.heard, outcome.said[part])

    # Commands

    def _unposted(self, local: Local) -> list[tuple[int, int]]:
        actor = self.actors.values[local.actor]
        return [
            (place, self.deciders.heard(Command(actor, place)))
            for place in range(actor.commands)
            if not local.posted >> place & 1
        ]

    def _commands(self, local: Local, stock: int) -> Iterator[Move]:
        actor = self.actors.values[local.actor]
        rows = local.rows[SAGA.index(actor.service)]
        for place in range(actor.commands):
            heard, again = self.deciders.heard(Command(actor, place)), bool(local.posted >> place & 1)
            outcome = self.deciders.decide(actor.service, (Part(rows, heard, again),), stock)
            if outcome is None:
                continue
            label = Label(Kind.POST_AGAIN if again else Kind.POST, actor.service, heard, outcome.said[0])
            found = outcome.broken
            if again and (outcome.rows[0] != rows or outcome.new[0] or outcome.stock != stock):
                found += (broken(AGAIN, "a command given twice was carried out twice"),)
            after = self._posted(local, place, outcome, 0)
            yield Move(self.known(after), outcome.stock, label, not again, found)
        if actor.forged and (forged_one := self._forged(local)):
            yield Move(self.known(forged_one[0]), stock, Label(Kind.FORGE, "", forged_one[1], NEVER))

    def _posted(self, local: Local, place: int, outcome: Outcome, part: int) -> Local:
        actor = self.actors.values[local.actor]
        after = _with_rows(local, SAGA.index(actor.service), outcome.rows[part])
        after = after._replace(posted=local.posted | 1 << place)
        if not outcome.new[part] or outcome.said[part] < 0:
            return after
        row = (outcome.said[part], Phase.DUE if self.protocol.outbox else Phase.DECIDED)
        return after._replace(outbox=tuple(sorted((*local.outbox, row))))

    def _forged(self, local: Local) -> tuple[Local, int] | None:
        """The order with a second `order.placed` by somebody else, once the first was decided."""
        for hearing in local.hearings:
            message = self.deciders.heard.values[hearing.heard]
            if isinstance(message, Message) and message.topic == "order.placed" and hearing.said != NEVER:
                number = self.deciders.heard(forgery(message))
                return None if number in local.topics else (self._landed(local, number), number)
        return None

    # The outbox

    def _relayed(self, local: Local, stock: int) -> Iterator[Move]:
        service = self.actors.values[local.actor].service
        for place, (said, phase) in enumerate(local.outbox):

            def to(kind: Kind, after: Local, *, ahead: bool = True, said: int = said) -> Move:
                return Move(self.known(after), stock, Label(kind, service, OUTBOX, said), ahead)

            kept = self._outbox_at(local, place, phase)
            if phase == Phase.DECIDED:
                yield to(Kind.RELAY, self._landed(self._outbox_at(local, place, None), said))
                yield to(Kind.RELAY_CRASH, self._outbox_at(local, place, None), ahead=False)
            elif phase == Phase.ACKNOWLEDGED:
                yield to(Kind.SWEEP, self._outbox_at(local, place, None))
                yield to(Kind.RELAY_CRASH, self._outbox_at(local, place, Phase.DUE), ahead=False)
            elif said not in local.topics:
                together = self.detail is Detail.HEARD and not self._heard_by(said)
                yield to(Kind.RELAY, self._landed(self._outbox_at(local, place, None) if together else kept, said))
                if not self.protocol.row_waits:
                    yield to(Kind.SWEEP, self._outbox_at(local, place, None), ahead=False)
            else:
                after = Phase.ACKNOWLEDGED if self._volatile else None
                yield to(Kind.RELAYED if self._volatile else Kind.SWEEP, self._outbox_at(local, place, after))
                yield to(Kind.RELAY_AGAIN, kept, ahead=False)

    def _outbox_at(self, local: Local, place: int, phase: int | None) -> Local:
        rows = list(local.outbox)
        rows[place : place + 1] = [] if phase is None else [(rows[place][0], phase)]
        return local._replace(outbox=tuple(rows))

    # Records

    def _hearings(self, local: Local, stock: int) -> Iterator[Move]:
        for place, hearing in enumerate(local.hearings):
            if hearing.phase in (Phase.DUE, Phase.TAKEN):
                yield from self._hear(local, place, stock)
            if hearing.said != NEVER and hearing.phase != Phase.DUE:
                yield from self._hear_again(local, place, stock)
            if hearing.said != NEVER:
                yield from self._zombie(local, place, stock)
            yield from self._bookkeeping(local, place, stock)

    def _hear(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        hearing = local.hearings[place]
        name, rows, again = SAGA[hearing.service], local.rows[hearing.service], hearing.said != NEVER
        outcome = self.deciders.decide(name, (Part(rows, hearing.heard, again),), stock)
        if outcome is None:
            return
        if not again:
            self._decided_on.setdefault((name, hearing.heard), set()).add(rows)
        if again and self._differs(local, hearing, outcome, stock):
            yield self._repeated(local, place, outcome, (Kind.HEAR_AGAIN, AGAIN))
            return
        label = Label(Kind.HEAR_AGAIN if again else Kind.HEAR, name, hearing.heard, outcome.said[0])
        yield Move(self.known(self._settled(local, place, outcome, 0)), outcome.stock, label, True, outcome.broken)
        if not self.protocol.commits_first and outcome.said[0] >= 0:
            early = self._landed(local, outcome.said[0])
            yield Move(self.known(early), stock, label._replace(kind=Kind.SAY), False)

    def _hear_again(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        """Another copy of a record, or one whose offset was lost, changes nothing."""
        hearing = local.hearings[place]
        part = Part(local.rows[hearing.service], hearing.heard, True)
        outcome = self.deciders.decide(SAGA[hearing.service], (part,), stock)
        if outcome is not None and self._differs(local, hearing, outcome, stock):
            yield self._repeated(local, place, outcome, (Kind.HEAR_AGAIN, AGAIN))
        elif outcome is not None:
            label = Label(Kind.HEAR_AGAIN, SAGA[hearing.service], hearing.heard, outcome.said[0])
            yield Move(self.known(local), stock, label, False)

    def _zombie(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        """Another process still owns the partition: it looked before the decision was committed and writes after it."""
        hearing = local.hearings[place]
        name, rows = SAGA[hearing.service], local.rows[hearing.service]
        now = self.deciders.rows.values[rows]
        for then in self._decided_on.get((name, hearing.heard), ()):
            seen = self.deciders.rows.values[then]
            if not seen < now:
                continue
            part = Part(rows, hearing.heard, True)
            outcome = self.deciders.decide(name, (part,), stock, Look(then, stock))
            if outcome is not None and self._differs(local, hearing, outcome, stock):
                yield self._repeated(local, place, outcome, (Kind.ZOMBIE, ZOMBIE))
            else:
                yield Move(self.known(local), stock, Label(Kind.ZOMBIE, name, hearing.heard, NEVER), False)

    def _differs(self, local: Local, hearing: Hearing, outcome: Outcome, stock: int) -> bool:
        same = outcome.said[0] == hearing.said or hearing.said == SILENT
        return outcome.rows[0] != local.rows[hearing.service] or outcome.stock != stock or not same

    def _repeated(self, local: Local, place: int, outcome: Outcome, why: tuple[Kind, tuple[str, str]]) -> Move:
        """A repetition that is none: whatever was said before and is said now may both be in the topics."""
        hearing, (kind, rule) = local.hearings[place], why
        after = self._settled(local, place, outcome, 0)
        for said in {hearing.said, outcome.said[0]}:
            after = self._landed(after, said)
        label = Label(kind, SAGA[hearing.service], hearing.heard, outcome.said[0])
        words = self._words(hearing.said), self._words(outcome.said[0])
        sentence = (
            f"said {words[0]} first and {words[1]} now" if words[0] != words[1] else "rows, stock or answer differ"
        )
        return Move(self.known(after), outcome.stock, label, False, (broken(rule, sentence), *outcome.broken))

    def _settled(self, local: Local, place: int, outcome: Outcome, part: int) -> Local:
        hearing, said = local.hearings[place], outcome.said[part]
        if not self.protocol.repeats and not outcome.new[part] and said != PARKED:
            said = SILENT
        after = _with_rows(local, hearing.service, outcome.rows[part])
        return _with_hearing(after, place, hearing._replace(phase=Phase.DECIDED, said=said))

    def _bookkeeping(self, local: Local, place: int, stock: int) -> Iterator[Move]:
        hearing = local.hearings[place]
        name = SAGA[hearing.service]

        def to(kind: Kind, phase: int, start: Local = local, *, ahead: bool = True) -> Move:
            after = _with_hearing(start, place, hearing._replace(phase=phase))
            return Move(self.known(after), stock, Label(kind, name, hearing.heard, hearing.said), ahead)

        landed = hearing.said < 0 or hearing.said in local.topics
        waits = self.protocol.offset_waits_for
        match hearing.phase:
            case Phase.DUE if waits == "nothing" and hearing.said == NEVER:
                yield to(Kind.COMMIT, Phase.TAKEN, ahead=False)
            case Phase.TAKEN:
                yield to(Kind.CRASH, Phase.DONE, ahead=False)
            case Phase.DECIDED:
                if not landed and self.detail is Detail.HEARD and not self._heard_by(hearing.said):
                    yield to(Kind.SAY, Phase.DONE, self._landed(local, hearing.said))
                elif not landed:
                    label = Label(Kind.SAY, name, hearing.heard, hearing.said)
                    yield Move(self.known(self._landed(local, hearing.said)), stock, label)
                elif self._volatile:
                    yield to(Kind.HEED, Phase.ACKNOWLEDGED)
                else:
                    yield to(Kind.COMMIT, Phase.DONE)
                if not landed and waits != "acknowledgement":
                    yield to(Kind.COMMIT, Phase.DONE, ahead=False)
                if self._volatile:
                    yield to(Kind.CRASH, Phase.DUE, ahead=False)
            case Phase.ACKNOWLEDGED:
                yield to(Kind.COMMIT, Phase.DONE)
                yield to(Kind.CRASH, Phase.DUE, ahead=False)

    def _landed(self, local: Local, said: int) -> Local:
        """The order with one more record in its topic, due at everyone who subscribes to it."""
        if said < 0 or said in local.topics:
            return local
        new = (Hearing(service, said, Phase.DUE, NEVER) for service in self._heard_by(said))
        hearings = tuple(sorted((*local.hearings, *new), key=lambda hearing: hearing[:2]))
        return local._replace(topics=local.topics | {said}, hearings=hearings)

    def _heard_by(self, said: int) -> tuple[int, ...]:
        message = self.deciders.heard.values[said]
        assert isinstance(message, Message)
        return self.deciders.hearers.get(message.topic, ())

    def _words(self, said: int) -> str:
        if said < 0:
            return {NEVER: "nothing", PARKED: "nothing (parked)"}.get(said, "nothing")
        message = self.deciders.heard.values[said]
        assert isinstance(message, Message)
        return message.topic if not forged(message) else f"a forged {message.topic}"


def _with_rows(local: Local, service: int, rows: int) -> Local:
    all_rows = list(local.rows)
    all_rows[service] = rows
    return local._replace(rows=tuple(all_rows))  # type: ignore[arg-type]  # as many as before


def _with_hearing(local: Local, place: int, hearing: Hearing) -> Local:
    return local._replace(hearings=(*local.hearings[:place], hearing, *local.hearings[place + 1 :]))
