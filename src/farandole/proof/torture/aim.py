"""Striking while something is in flight, and looking at what came of it; every wait has a bound."""

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar

import psycopg
from confluent_kafka import KafkaException

from farandole.proof.ground import PostgresServer
from farandole.proof.ground.cluster import SAGA
from farandole.proof.ground.postgres import libpq_url
from farandole.proof.torture.inflight import Hit, InFlight, count
from farandole.proof.torture.reading import Place
from farandole.proof.torture.stage import EACH, SLOTS, Slot, Stage, client

T = TypeVar("T")
SHORT: Final = 10.0
LONG: Final = 30.0
LOOK: Final = 0.02
AWAY: Final = (psycopg.Error, KafkaException)


def until(look: Callable[[], T], seconds: float = SHORT) -> T:
    """The first thing found that is not nothing, or the last nothing."""
    deadline = time.monotonic() + seconds
    while not (found := asked(look, seconds)) and time.monotonic() < deadline:
        time.sleep(LOOK)
    return found


def asked(look: Callable[[], T], seconds: float = LONG) -> T:
    """An answer from servers that may be coming back only now."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return look()
        except AWAY:
            if time.monotonic() > deadline:
                raise
        time.sleep(LOOK)


class Caught(NamedTuple):
    """Frozen processes of one service, what they hold, and the hit."""

    slots: tuple[Slot, ...]
    places: frozenset[Place]
    hit: Hit


def catch(
    stage: Stage,
    among: Sequence[Slot] = SLOTS,
    *,
    whole_service: bool = False,
    enough: Callable[[Hit], object] = lambda hit: hit.outbox if hit.victim.startswith("order") else hit.spans,
    seconds: float = LONG,
) -> Caught:
    """Freeze a process, or all of a service, at a moment when it has something between commit and acknowledgement; who
    takes orders also has some that are not published yet. When the time is up, the last one looked at."""
    deadline = time.monotonic() + seconds
    spared = {slot[0] for slot in stage.struck} if whole_service else set()
    free = [slot for slot in among if slot not in stage.struck and slot[0] not in spared]
    order = stage.rng.sample(free, len(free))
    while True:
        for slot in order:
            slots = tuple((slot[0], index) for index in range(EACH)) if whole_service else (slot,)
            members = asked(partial(stage.watch.members, slot[0]))
            places = frozenset().union(*(members.get(client(each), frozenset()) for each in slots))
            freeze(stage, slots)
            hit = asked(partial(_left, stage, slots, places))
            if enough(hit) or (slot == order[-1] and time.monotonic() > deadline):
                return Caught(slots, places, hit)
            thaw(stage, slots)
            time.sleep(LOOK)


def _left(stage: Stage, slots: tuple[Slot, ...], places: frozenset[Place]) -> Hit:
    """What frozen processes of one service have in flight."""
    service, members = slots[0][0], [stage.members[slot] for slot in slots]
    spans = stage.watch.unacknowledged(service, places)
    outbox: frozenset[str] = frozenset()
    if service == "order":
        outbox = outbox.union(*(stage.watch.outbox(member.process.pid) for member in members))
    requests = sum(stage.load.pending(member.url) for member in members)
    return Hit(" and ".join(map(client, slots)), InFlight(count(spans), len(outbox), requests), spans, outbox)


def at_anybody(stage: Stage) -> None:
    """Wait for a moment when some service has decided something that is not acknowledged."""
    until(lambda: any(count(stage.watch.unacknowledged(service, ask=False)) for service in SAGA))


def behind_proxy(stage: Stage) -> int:
    """Records that the second processes have decided, and whose answers are not known to be out."""
    found = 0
    for service in SAGA:
        places = asked(partial(stage.watch.members, service)).get(client((service, 1)), frozenset())
        found += count(asked(partial(stage.watch.unacknowledged, service, places)))
    return found


def taken_over(stage: Stage, caught: Caught) -> bool:
    """Whether others have the partitions that somebody had."""
    gone = set(map(client, caught.slots))
    with suppress(*AWAY):
        members = stage.watch.members(caught.slots[0][0])
        others = (theirs for name, theirs in members.items() if name not in gone)
        return bool(caught.places) and caught.places <= frozenset().union(*others)
    return False


def await_takeover(stage: Stage, caught: Caught) -> bool:
    return until(lambda: taken_over(stage, caught), LONG)


def freeze(stage: Stage, slots: Iterable[Slot]) -> None:
    for slot in slots:
        stage.members[slot].process.send_signal(signal.SIGSTOP)


def thaw(stage: Stage, slots: Iterable[Slot]) -> None:
    for slot in slots:
        stage.members[slot].process.send_signal(signal.SIGCONT)


def answers(postgres: PostgresServer) -> bool:
    """Whether a server that had trouble works again by itself."""
    deadline = time.monotonic() + SHORT
    while postgres.alive and time.monotonic() < deadline:
        with suppress(psycopg.Error):
            psycopg.connect(libpq_url(postgres.address), connect_timeout=5).close()
            return True
        time.sleep(LOOK)
    return False
