"""What happens between decisions: answers land, acknowledgements come, rows go, offsets are committed, processes crash."""

from collections.abc import Iterator
from typing import NamedTuple

from farandole.messaging.envelope import Message
from farandole.proof.verify.deciding import NEVER, SAGA, Deciders
from farandole.proof.verify.local import Hearing, Local
from farandole.proof.verify.protocol import Detail, Kind, Label, Phase, Protocol

NOBODY = -1
"""In the place of what is heard: an outbox row is not heard."""


class Kept(NamedTuple):
    """A transition that decides nothing."""

    local: Local
    label: Label
    ahead: bool = True


class Bookkeeping:
    """The protocol around decisions, at one level of detail."""

    def __init__(self, deciders: Deciders, protocol: Protocol, detail: Detail) -> None:
        self._deciders, self._protocol = deciders, protocol
        self._volatile = detail is Detail.PROCESSES
        self._together = detail is Detail.HEARD

    def landed(self, local: Local, said: int) -> Local:
        """The order after something that was said is in its topic."""
        if said < 0 or said in local.topics:
            return local
        return local.with_record(said, [Hearing(service, said, Phase.DUE, NEVER) for service in self._heard_by(said)])

    def outbox(self, local: Local, service: str) -> Iterator[Kept]:
        """What may happen to the outbox rows of an order."""
        for place, (said, phase) in enumerate(local.outbox):
            gone, label = local.with_outbox(place, None), Label(Kind.RELAY, service, NOBODY, said)
            sweep, crash = label._replace(kind=Kind.SWEEP), label._replace(kind=Kind.RELAY_CRASH)
            if phase == Phase.DECIDED:
                yield Kept(self.landed(gone, said), label)
                yield Kept(gone, crash, ahead=False)
            elif phase == Phase.ACKNOWLEDGED:
                yield Kept(gone, sweep)
                yield Kept(local.with_outbox(place, Phase.DUE), crash, ahead=False)
            elif said not in local.topics:
                yield Kept(self.landed(gone if self._unheard(said) else local, said), label)
                if not self._protocol.row_waits:
                    yield Kept(gone, sweep, ahead=False)
            else:
                yield self._acknowledged(local, place, label)
                yield Kept(local, label._replace(kind=Kind.RELAY_AGAIN), ahead=False)

    def _acknowledged(self, local: Local, place: int, label: Label) -> Kept:
        if self._volatile:
            return Kept(local.with_outbox(place, Phase.ACKNOWLEDGED), label._replace(kind=Kind.RELAYED))
        return Kept(local.with_outbox(place, None), label._replace(kind=Kind.SWEEP))

    def hearing(self, local: Local, place: int) -> Iterator[Kept]:
        """What may happen to a record that a service has heard, or whose offset it commits too early."""
        hearing = local.hearings[place]
        waits = self._protocol.offset_waits_for

        def to(kind: Kind, phase: int, start: Local = local, *, ahead: bool = True) -> Kept:
            label = Label(kind, SAGA[hearing.service], hearing.heard, hearing.said)
            return Kept(start.with_hearing(place, hearing._replace(phase=phase)), label, ahead)

        match hearing.phase:
            case Phase.DUE if waits == "nothing" and hearing.said == NEVER:
                yield to(Kind.COMMIT, Phase.TAKEN, ahead=False)
            case Phase.TAKEN:
                yield to(Kind.CRASH, Phase.DONE, ahead=False)
            case Phase.DECIDED if hearing.said >= 0 and hearing.said not in local.topics:
                yield self._said(local, place)
                if waits != "acknowledgement":
                    yield to(Kind.COMMIT, Phase.DONE, ahead=False)
            case Phase.DECIDED if self._volatile:
                yield to(Kind.HEED, Phase.ACKNOWLEDGED)
            case Phase.DECIDED | Phase.ACKNOWLEDGED:
                yield to(Kind.COMMIT, Phase.DONE)
        if self._volatile and hearing.phase in (Phase.DECIDED, Phase.ACKNOWLEDGED):
            yield to(Kind.CRASH, Phase.DUE, ahead=False)

    def _said(self, local: Local, place: int) -> Kept:
        """The answer lands; what nobody hears takes its offset along where that detail is left out."""
        hearing = local.hearings[place]
        phase = Phase.DONE if self._unheard(hearing.said) else hearing.phase
        after = self.landed(local.with_hearing(place, hearing._replace(phase=phase)), hearing.said)
        return Kept(after, Label(Kind.SAY, SAGA[hearing.service], hearing.heard, hearing.said))

    def _unheard(self, said: int) -> bool:
        return self._together and not self._heard_by(said)

    def _heard_by(self, said: int) -> tuple[int, ...]:
        message = self._deciders.heard.values[said]
        assert isinstance(message, Message)
        return self._deciders.hearers.get(message.topic, ())
