"""The hop that an order waits at, walked in the order in which one thing explains the next."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from farandole.contract.choreography import CHOREOGRAPHY, ORDER
from farandole.messaging.envelope import microseconds, rfc3339
from farandole.messaging.transport import Partition
from farandole.messaging.transport.inspection import Group
from farandole.web.doctor.look import MONITOR, SERVICES, Letter, Observation, heard_by

Letters = Mapping[str, Iterable[Letter]]
STILL: Final = 5_000_000
"""Microseconds after which a group that hears nothing of what waits stands still."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why something waits: `kind` is one of a few words, `sentence` says all of it, `evidence` what it was told by,
    `since` when a look first saw it, `letters` the cause that dead letters parked for the same reason have."""

    kind: str
    service: str
    sentence: str
    since: str | None = None
    evidence: tuple[str, ...] = ()
    remedy: str | None = None
    letters: str | None = None

    @property
    def reason(self) -> tuple[str, ...]:
        """The same for all orders that wait for the same."""
        return (self.kind, self.service, self.letters) if self.letters else (self.kind, self.service, self.sentence)


def of_order(place: tuple[str, str], order_id: str, seen: Observation, letters: Letters) -> Cause:
    """Why a service has not answered what it should have heard of this order (an empty topic: nobody heard of it)."""
    service, heard = place
    mine = [letter for letter in letters.get(service, ()) if letter.key == order_id and letter.origin.topic == heard]
    if heard and mine:
        return _parked(service, mine[0], seen)
    if unheard := [letter for letter in letters.get(MONITOR, ()) if letter.key == order_id]:
        return _parked(MONITOR, unheard[0], seen)
    if not heard:
        return _unpublished(ORDER, seen) or _behind(MONITOR, seen) or _lost(ORDER, "order.placed", "")
    if general := of_service(service, seen):
        return general[0]
    here = seen.place(heard, order_id)
    if count := seen.behind(service, [here]).get(here):
        return _late(service, f"{count} records behind on {heard}/{here.partition}", seen)
    answers = " or ".join(_answers(service, heard))
    return (
        _unpublished(service, seen)
        or _behind(MONITOR, seen)
        or _hidden(service, seen, letters)
        or _lost(service, answers, heard)
    )


@lru_cache(maxsize=2 * len(SERVICES))
def of_service(service: str, seen: Observation) -> tuple[Cause, ...]:
    """What keeps a service from hearing anything, the most telling first; found once a look, however many orders wait."""
    return tuple(_of_service(service, seen))


def _of_service(service: str, seen: Observation) -> Iterator[Cause]:
    status, group = seen.statuses.get(service), seen.group(service)
    evidence = (status.away,) if status and status.away else ()

    def told(kind: str, what: str, words: str, **more: Any) -> Cause:
        return Cause(kind=kind, service=service, sentence=words, since=rfc3339(seen.since.get(what, seen.at)), **more)

    if halted := seen.halted.get(service):
        what, remedy = f"halted/{service}", "starting it again once that is put right"
        yield told("halted", what, f"{service} halted {_since(what, seen)}: {halted}", evidence=evidence, remedy=remedy)
        return
    if status and status.database:
        what = f"database/{service}"
        words = f"the database of {service} has been away {_since(what, seen)}: {status.database}"
        yield told("database", what, words, evidence=(status.trouble,) if status.trouble else ())
    if seen.transport:
        words = f"{_broker(seen)} {_since('transport', seen)}: {seen.transport}"
        yield told("transport", "transport", words, evidence=evidence)
        return
    yield from _gone(service, seen)
    if status and status.trouble and not status.database:
        what = f"trouble/{service}"
        yield told("trouble", what, f"{service} waits {_since(what, seen)}: {status.trouble}")
    elif not group.members:
        words = f"the {service} group has had no member {_since(f'alone/{service}', seen)}{_waiting(service, seen)}"
        remedy = f"start `farandole serve {service}`"
        yield told("no member", f"alone/{service}", words, evidence=evidence, remedy=remedy)
    if evidence and group.members:
        what, members = f"away/{service}", _count(group.members, "member")
        words = f"{service} has not answered {_since(what, seen)}, though its group has {members}"
        yield told("silent", what, words + _waiting(service, seen), evidence=evidence)
    if _standing_still(service, seen):
        what, members = f"still/{service}", _count(group.members, "member")
        words = f"{service} has heard nothing {_since(what, seen)}{_waiting(service, seen)}"
        yield told("standing still", what, words, evidence=(f"its group has {members}",))


def parked(service: str, seen: Observation) -> Cause | None:
    """What a service has parked, whoever it was about."""
    status = seen.statuses.get(service)
    if not status or not status.kept or not status.kept.parked:
        return None
    newest = next(iter(seen.letters.get(service, ())), None)
    told = f"; the newest since {time(microseconds(newest.parked_at), seen)}: {newest.error}" if newest else ""
    words = f"{_count(status.kept.parked, 'record')} parked as dead letters at {service}{told}"
    return _cause("parked", service, words, (), "`farandole dead-letters list`")


def time(at: int, seen: Observation) -> str:
    """A time of today as people say it, else with its date."""
    moment, today = (datetime.fromtimestamp(micros / 1e6, UTC) for micros in (at, seen.at))
    return f"{moment:%H:%M:%S} UTC" if moment.date() == today.date() else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _cause(kind: str, service: str, sentence: str, evidence: tuple[str, ...] = (), remedy: str | None = None) -> Cause:
    return Cause(kind=kind, service=service, sentence=sentence, evidence=evidence, remedy=remedy)


def _since(what: str, seen: Observation) -> str:
    """Since when something is wrong; what was so at the first look began before."""
    at = seen.since.get(what, seen.at)
    return f"since {time(at, seen)}" if at > seen.began else f"since before {time(at, seen)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _waiting(service: str, seen: Observation) -> str:
    behind = seen.behind(service)
    if not behind:
        return ""
    return f"; {_count(len(behind), 'partition')} wait{'s' if len(behind) == 1 else ''} with {_count(sum(behind.values()), 'record')}"


def _broker(seen: Observation) -> str:
    return "Kafka has been away" if "Kafka" in (seen.transport or "") else "the log has been away"


def _parked(service: str, letter: Letter, seen: Observation) -> Cause:
    origin = f"{letter.origin.topic}/{letter.origin.partition} at {letter.origin.offset}"
    words = f"parked as a dead letter by {service} since {time(microseconds(letter.parked_at), seen)}: {letter.error}"
    remedy, evidence = f"`farandole dead-letters replay {letter.id}`", (origin, letter.id)
    return Cause(kind="parked", service=service, sentence=words, evidence=evidence, remedy=remedy, letters=letter.cause)


def _gone(service: str, seen: Observation) -> Iterator[Cause]:
    """A place to read on at that its log cannot serve: who joins the group halts, rather than lose or repeat history."""
    group = seen.group(service)
    for place, begins in seen.sight.begins.items() if seen.sight else ():
        if place.topic in heard_by(service) and (found := _misplaced(place, begins, group, seen)):
            yield _cause("history", service, f"{service} {found}")


def _misplaced(place: Partition, begins: int, group: Group, seen: Observation) -> str | None:
    name, at = f"{place.topic}/{place.partition}", group.committed.get(place)
    if at is None:  # who is there was told where to begin, or halts
        gone = f"has no offset of {name}, and the log begins at {begins}: unless its database knows one, it missed what was deleted"
        return gone if begins and not group.members else None
    if at < begins:
        return f"reads on at {at} of {name}, but the log begins at {begins}: records were deleted before it heard them"
    ends = max(seen.sight.ends.get(place, at) if seen.sight else at, seen.before.get(place, 0))
    if at > ends:
        return f"reads on at {at} of {name}, but the log ends at {ends}: its offset was moved, or the log lost its end"
    return None


def _standing_still(service: str, seen: Observation) -> bool:
    return seen.at - seen.since.get(f"still/{service}", seen.at) >= STILL


def _unpublished(service: str, seen: Observation) -> Cause | None:
    """Events that wait in the outbox of the service that says them, and what keeps them there."""
    status = seen.statuses.get(service)
    general = next((cause for cause in of_service(service, seen) if cause.kind in _SPEECHLESS), None)
    if status is None or status.kept is None:
        return general or next(iter(of_service(service, seen)), None)
    if not status.kept.outbox:
        return general
    since, waits = time(microseconds(status.kept.outbox_since or ""), seen), "s" if status.kept.outbox == 1 else ""
    words = f"{_count(status.kept.outbox, 'event')} wait{waits} in the outbox of {service} since {since}"
    if general:
        return msgspec.structs.replace(general, evidence=(words, *general.evidence))
    return _cause("not published", service, f"{words}: {status.trouble}" if status.trouble else words)


def _behind(service: str, seen: Observation) -> Cause | None:
    """Nobody here can know what a service said that has not been heard."""
    if general := of_service(service, seen):
        return general[0]
    behind = seen.behind(service)
    if not behind:
        return None
    most = max(behind, key=lambda place: behind[place])
    return _late(
        service, f"{_count(sum(behind.values()), 'record')} behind, most on {most.topic}/{most.partition}", seen
    )


def _late(service: str, words: str, seen: Observation) -> Cause:
    members = _count(seen.group(service).members, "member")
    return _cause("behind", service, f"{service} is {words}; its group has {members} and goes on")


def _hidden(service: str, seen: Observation, letters: Letters) -> Cause | None:
    """More events are parked than were looked at: one of the others may well be this order's."""
    status = seen.statuses.get(service)
    parked = status.kept.parked if status and status.kept else 0
    if letters is not seen.letters or parked <= len(tuple(letters.get(service, ()))):
        return None  # asked for by its key, or all were looked at: then there is none
    words = f"{service} parked {parked:,} events, more than are looked at here; this order's is probably among them"
    return _cause("parked", service, words, (), f"`farandole dead-letters groups` says why {service} parked them")


def _lost(service: str, answer: str, heard: str) -> Cause:
    after = f", though its group heard all of {heard}" if heard else ", though the order is stored"
    words = f"{answer} of {service} is lost: it is neither in a topic nor in the outbox{after}"
    return _cause("lost", service, words, (), f"`farandole republish {service}` says it again")


def _answers(service: str, heard: str) -> list[str]:
    said = (
        step.says.topic if step.says else "a record on saga.steps"
        for step in CHOREOGRAPHY
        if step.service == service and step.hears.topic == heard
    )
    return list(dict.fromkeys(said))


_SPEECHLESS: Final = ("transport", "database", "halted")
"""What keeps a service from saying anything at all."""
