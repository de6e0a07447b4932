"""The table of faults. Each is a context: it strikes when entered and says what it hit, and is lifted when left."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from farandole.proof.ground.cluster import SAGA
from farandole.proof.torture import aim, refusal, seen
from farandole.proof.torture.inflight import Hit, InFlight, count
from farandole.proof.torture.proxy import Proxy
from farandole.proof.torture.reading import Place
from farandole.proof.torture.stage import SLOTS, Slot, Stage

Strike = Callable[[Stage], AbstractContextManager[Hit]]
Server = Literal["kafka", "postgres"]


@dataclass(frozen=True)
class Fault:
    """`holds` are the seconds it lasts at least and at most; one that `overlaps` may still last when the next one
    strikes, but one on connections through a `proxied` server does not meet another."""

    name: str
    strike: Strike
    holds: tuple[float, float] = (0, 0)
    overlaps: bool = False
    proxied: bool = False


@contextmanager
def process_killed(stage: Stage, among: Sequence[Slot] = SLOTS, *, whole_service: bool = False) -> Iterator[Hit]:
    """Killed at a moment when it has something in flight."""
    caught = aim.catch(stage, among, whole_service=whole_service)
    _kill(stage, caught)
    yield from _gone(stage, caught)


@contextmanager
def process_killed_unheard(stage: Stage) -> Iterator[Hit]:
    """Kafka is out of reach just before, so that the process dies with what it has decided and could not say; it is in reach
    again, and the next moment tried, while nobody has decided anything since."""
    proxy, deadline = stage.ground.kafka_proxy, time.monotonic() + aim.LONG
    while True:
        before = {service: aim.asked(partial(stage.watch.decided, service)) for service in SAGA}
        with _healing(proxy):
            proxy.stall()
            time.sleep(UNHEARD_SECONDS)
            caught = aim.catch(stage, BEHIND, enough=partial(_since, before), seconds=0)
            if _since(before, caught.hit) or time.monotonic() > deadline:
                _kill(stage, caught)
                break
            aim.thaw(stage, caught.slots)
        time.sleep(UNHEARD_SECONDS)
    yield from _gone(stage, caught)


def _since(before: Mapping[str, Mapping[Place, int]], hit: Hit) -> bool:
    return any(span.end > before[span.service].get(span.place, 0) for span in hit.spans)


def _kill(stage: Stage, caught: aim.Caught) -> None:
    for slot in caught.slots:
        stage.members[slot].kill()


def _gone(stage: Stage, caught: aim.Caught) -> Iterator[Hit]:
    """While processes are dead, and until they are started again."""
    with _struck(stage, caught.slots):
        yield caught.hit
    if aim.taken_over(stage, caught):
        stage.seen[seen.TAKEOVER] += 1
    for slot in caught.slots:
        stage.start(slot)


@contextmanager
def _struck(stage: Stage, slots: Sequence[Slot]) -> Iterator[None]:
    """Nobody else strikes these while their fault lasts."""
    stage.struck |= set(slots)
    try:
        yield
    finally:
        stage.struck -= set(slots)


@contextmanager
def process_frozen(stage: Stage) -> Iterator[Hit]:
    """Thawed when its partitions are another's: it goes on with what it was doing, as if nothing had happened."""
    caught = aim.catch(stage)
    try:
        with _struck(stage, caught.slots):
            yield caught.hit
        if aim.await_takeover(stage, caught):
            stage.seen[seen.TAKEOVER] += 1
            stage.seen[seen.ZOMBIE] += 1
    finally:
        aim.thaw(stage, caught.slots)


@contextmanager
def process_restarted(stage: Stage) -> Iterator[Hit]:
    """Told to end while it has something in flight: it says what it has decided, and leaves."""
    caught = aim.catch(stage)
    (slot,) = caught.slots
    stage.tell_to_end(slot)
    aim.thaw(stage, caught.slots)
    stage.await_end(slot)
    yield replace(caught.hit, spans=(), outbox=frozenset())
    stage.start(slot)


@contextmanager
def broker_stopped(stage: Stage, *, kill: bool) -> Iterator[Hit]:
    """What is decided now is answered only when the broker is back."""
    aim.at_anybody(stage)
    kafka, watch = stage.ground.kafka, stage.watch
    (kafka.kill if kill else kafka.stop)()
    spans = aim.asked(lambda: [span for service in SAGA for span in watch.unacknowledged(service, ask=False)])
    outbox = aim.asked(watch.outbox)
    yield Hit("kafka", InFlight(count(spans), len(outbox)))
    kafka.start()


@contextmanager
def postgres_shut_down(stage: Stage) -> Iterator[Hit]:
    """An immediate shutdown, as after a crash: every transaction under way is lost."""
    exchanges = aim.until(stage.watch.open_transactions)
    requests = sum(map(stage.load.pending, stage.addresses("order")))
    stage.ground.postgres.kill()
    yield Hit("postgresql", InFlight(requests=requests, exchanges=exchanges))
    stage.ground.postgres.start()


@contextmanager
def connections_terminated(stage: Stage) -> Iterator[Hit]:
    service = stage.rng.choice(SAGA)
    yield Hit(f"database of {service}", InFlight(exchanges=aim.until(lambda: stage.watch.terminate(service))))


@contextmanager
def proxy_cut(stage: Stage, server: Server) -> Iterator[Hit]:
    proxy = _proxy(stage, server)
    yield Hit(_behind(server), InFlight(exchanges=aim.until(proxy.cut)))


@contextmanager
def proxy_stalled(stage: Stage, server: Server) -> Iterator[Hit]:
    proxy = _proxy(stage, server)
    proxy.stall()
    with _healing(proxy):
        yield _troubled(stage, server)


@contextmanager
def proxy_half_open(stage: Stage, server: Server) -> Iterator[Hit]:
    proxy = _proxy(stage, server)
    proxy.half_open()
    with _healing(proxy):
        yield _troubled(stage, server)


@contextmanager
def _healing(proxy: Proxy) -> Iterator[None]:
    try:
        yield
    finally:
        proxy.heal()


def _troubled(stage: Stage, server: Server) -> Hit:
    exchanges = aim.until(lambda: _proxy(stage, server).waiting)
    unacknowledged = aim.behind_proxy(stage) if server == "kafka" else 0
    return Hit(_behind(server), InFlight(unacknowledged, exchanges=exchanges))


def _proxy(stage: Stage, server: Server) -> Proxy:
    return stage.ground.kafka_proxy if server == "kafka" else stage.ground.postgres_proxy


def _behind(server: Server) -> str:
    return f"{server} as the second process of each service reaches it"


@contextmanager
def customers_cut(stage: Stage) -> Iterator[Hit]:
    """Customers lose the connection on which they wait; what they asked for may be done all the same."""
    yield Hit("order", InFlight(requests=aim.until(stage.load.hang_up)))


@contextmanager
def disk_filled(stage: Stage) -> Iterator[Hit]:
    """PostgreSQL may refuse statements or end; when there is room again, whoever operates it starts it again."""
    disk, postgres = stage.ground.disk, stage.ground.postgres
    assert disk is not None
    before = _refusals(stage)
    disk.fill()
    try:
        refused = aim.until(lambda: _refusals(stage) - before, aim.LONG)
        yield Hit("postgresql", InFlight(refused=refused))
    finally:
        disk.free()
        if not aim.answers(postgres):
            postgres.kill()
            postgres.start()


def _refusals(stage: Stage) -> int:
    return stage.ground.postgres.log.read_text(errors="replace").count("No space left on device")


@contextmanager
def rows_refused(stage: Stage) -> Iterator[Hit]:
    """The inventory's database refuses the rows of some customers; afterwards their dead letters are replayed."""
    refusal.begin(stage)
    try:
        yield Hit("database of inventory", InFlight(refused=aim.until(lambda: refusal.parked(stage), aim.LONG)))
    finally:
        refusal.end(stage)


UNHEARD_SECONDS: Final = 0.5
"""What is decided in this time is said to nobody."""
TAKES_ORDERS: Final = [slot for slot in SLOTS if slot[0] == "order"]
BEHIND: Final = [slot for slot in SLOTS if slot[1] and slot[0] != "order"]
"""Those behind the proxies who answer what they hear."""

# fmt: off
FAULTS: Final = (
    Fault("kill -9 of a process", process_killed, (0, 9), overlaps=True),
    Fault("kill -9 of who takes orders", partial(process_killed, among=TAKES_ORDERS), (0, 9), overlaps=True),
    Fault("kill -9 of a whole service", partial(process_killed, whole_service=True), (0, 2)),
    Fault("kill -9 of a process cut off from Kafka", process_killed_unheard, (0, 2), proxied=True),
    Fault("process frozen beyond its session", process_frozen, (6, 7), overlaps=True),
    Fault("orderly restart of a process", process_restarted, (0, 1)),
    Fault("kill -9 of the broker", partial(broker_stopped, kill=True), (0, 3)),
    Fault("orderly restart of the broker", partial(broker_stopped, kill=False), (0, 1)),
    Fault("immediate shutdown of PostgreSQL", postgres_shut_down, (0, 3)),
    Fault("database connections terminated", connections_terminated),
    Fault("connections to PostgreSQL cut", partial(proxy_cut, server="postgres"), proxied=True),
    Fault("connections to PostgreSQL stalled", partial(proxy_stalled, server="postgres"), (2, 7), overlaps=True, proxied=True),
    Fault("connections to PostgreSQL half open", partial(proxy_half_open, server="postgres"), (2, 7), overlaps=True, proxied=True),
    Fault("connections to Kafka cut", partial(proxy_cut, server="kafka"), proxied=True),
    Fault("connections to Kafka stalled", partial(proxy_stalled, server="kafka"), (2, 9), overlaps=True, proxied=True),
    Fault("connections to Kafka half open", partial(proxy_half_open, server="kafka"), (2, 9), overlaps=True, proxied=True),
    Fault("connections of customers cut", customers_cut),
    Fault("disk full", disk_filled, (1, 3)),
    Fault("rows refused", rows_refused, (0, 1)),
)
# fmt: on
BY_NAME: Final = {fault.name: fault for fault in FAULTS}
NEEDS_DISK: Final = "disk full"


class Deck:
    """Draws every fault as often as every other, in an order that a seed decides."""

    def __init__(self, rng: random.Random, *, disk: bool) -> None:
        self._rng = rng
        self._kinds = [fault for fault in FAULTS if disk or fault.name != NEEDS_DISK]
        self._left: list[Fault] = []

    @property
    def names(self) -> list[str]:
        return [fault.name for fault in self._kinds]

    def draw(self) -> Fault:
        if not self._left:
            self._left = self._rng.sample(self._kinds, len(self._kinds))
        return self._left.pop()
