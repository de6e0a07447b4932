"""The saga as queues: every step's server takes what waits, as `messaging/consumer.py` does, and all share cores."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from statistics import fmean
from typing import Final, NamedTuple

from benchmarks.contestant import KINDS
from farandole.contract.choreography import COMMAND, ORDER, flow
from farandole.messaging import company, consumer, intake
from farandole.messaging.envelope import Event
from farandole.messaging.transport.kafka.publisher import AT_ONCE_SECONDS
from farandole.runtime.worker import PATIENCE

DOOR: Final = "door"
INTAKE: Final = "intake"
FLOW_OF: Final = {"completed": "happy", "payment_failed": "payment-failure", "out_of_stock": "stock-failure"}
MIX: Final = tuple(FLOW_OF[kind] for kind in KINDS)
DANCE: Final = {
    name: {(INTAKE if step.hears is COMMAND else str(step.service), step.hears): step.says for step in flow(name)}
    for name in FLOW_OF.values()
}
"""By flow: who hears what, and what it says then."""
VISITS: Final = {
    station: number / len(MIX) for station, number in Counter(place for name in MIX for place, _ in DANCE[name]).items()
}
"""Records an order brings to each station that works in batches."""
STEPS: Final = sum(VISITS.values())
UNANSWERED_PATIENCE: Final = 0.005
"""Seconds a server waits for more while answers are under way; a wait in vain makes it forget how large its last batch was."""


def role(station: str) -> str:
    """The process a station is a thread of."""
    return str(ORDER) if station in (DOOR, INTAKE) else station


@dataclass(frozen=True)
class Costs:
    """CPU seconds of an order by role, `record` whatever a batch's size and `batch` if it was alone in each of its
    batches; `pause` is what a batch waits for besides: disks, the broker, wake-ups."""

    record: Mapping[str, float]
    batch: Mapping[str, float]
    pause: float = 0.0

    def own(self, station: str, size: int) -> float:
        """CPU of a batch in its process; the order process's is spread evenly over door, intake and consumer."""
        batched = sum(visits for one, visits in VISITS.items() if role(one) == role(station))
        visits = batched + (role(station) == ORDER)
        fixed = 0.0 if station == DOOR else self.batch[role(station)] / batched
        return fixed + size * self.record[role(station)] / visits

    def shared(self, server: str, size: int) -> float:
        """CPU of a batch in a server that all stations share, evenly for lack of better knowledge."""
        return (self.batch[server] + size * self.record[server]) / STEPS


class Load(NamedTuple):
    """Orders at a rate, paced as the benchmark's or a Poisson process; `copies` are processes a service."""

    rate: float
    seconds: float = 4.0
    settle: float = 2.0
    cores: float = 2.0
    copies: int = 1
    poisson: bool = False
    seed: int = 1

    def arrivals(self) -> Iterator[float]:
        draw, now = random.Random(self.seed), 0.0
        while now < self.settle + self.seconds:
            yield now
            now += draw.expovariate(self.rate) if self.poisson else 1 / self.rate


class Run(NamedTuple):
    """Seconds from placing to the end of each order placed after the load had settled; on average over all `seconds`:
    cores in use, orders under way, and records in a batch by station."""

    latencies: list[float]
    cores: float
    inside: float
    sizes: dict[str, float]
    seconds: float


class Order(NamedTuple):
    number: int
    placed: float


Said = tuple[Order, type[Event]]


@dataclass(slots=True)
class Work:
    left: float
    process: object
    then: Callable[[], None]


@dataclass
class Machine:
    """Time, and cores that all work under way shares evenly; a process uses one of them at most."""

    cores: float
    now: float = 0.0
    used: float = 0.0
    _timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _work: list[Work] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        heappush(self._timers, (self.now + seconds, next(self._numbers), then))

    def work(self, process: object, seconds: float, then: Callable[[], None] = lambda: None) -> None:
        self._work.append(Work(seconds, process, then))

    def run(self) -> None:
        while self._timers or self._work:
            crowd = Counter(work.process for work in self._work)
            share = min(1.0, self.cores / max(1, len(self._work)))
            speeds = [min(share, 1.0 / crowd[work.process]) for work in self._work]
            ends = [work.left / speed for work, speed in zip(self._work, speeds, strict=True)]
            due = self._timers[0][0] - self.now if self._timers else float("inf")
            passed = min(due, *ends) if ends else due
            for work, speed in zip(self._work, speeds, strict=True):
                work.left -= passed * speed
            self.now, self.used = self.now + passed, self.used + passed * sum(speeds)
            if passed < due:
                self._work.pop(ends.index(passed)).then()
            else:
                heappop(self._timers)[2]()


class Station:
    """A queue and its server: one batch at a time, of what came while it waited for company."""

    def __init__(self, name: str, copy: int, house: "House") -> None:
        self.name, self.sizes, self._house = name, list[int](), house
        self._process, self._queue = (role(name), copy), deque[Said]()
        self._busy, self._rested, self._patience = False, 0.0, PATIENCE

    def hear(self, said: Iterable[Said]) -> None:
        self._queue.extend(said)
        if not self._busy:
            self._gather()

    def _gather(self) -> None:
        self._busy = True
        fresh = self.sizes and self._house.machine.now - self._rested < self._patience
        self._house.machine.after(self._wait(self.sizes[-1] if fresh else 0), self._take)

    def _wait(self, last: int) -> float:
        if self.name == DOOR:
            return 0.0
        waits = intake if self.name == INTAKE else consumer
        return company.patience(last, waits.EACH, waits.LONGEST)

    def _take(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(company.MOST, len(self._queue)))]
        self.sizes.append(len(batch))
        machine, costs, leave = self._house.machine, self._house.costs, partial(self._leave, batch)
        stored = partial(machine.after, self._house.pause(), leave)
        store = partial(machine.work, object(), costs.shared("postgres", len(batch)), stored)
        machine.work(self._process, costs.own(self.name, len(batch)), leave if self.name == DOOR else store)

    def _leave(self, batch: Sequence[Said]) -> None:
        self._busy, self._rested = False, self._house.machine.now
        if self.name != DOOR:
            answer = self._house.costs.shared("kafka", len(batch))
            self._house.machine.work(object(), answer)
            late = self.name == INTAKE or answer > AT_ONCE_SECONDS
            self._patience = UNANSWERED_PATIENCE if late else PATIENCE
        self._house.pass_on(self.name, batch)
        if self._queue and not self._busy:
            self._gather()


class House:
    """All stations on one machine, and the orders under way between them."""

    def __init__(self, costs: Costs, load: Load) -> None:
        self.costs, self.machine, self._settle = costs, Machine(load.cores), load.settle
        self.latencies: list[float] = []
        self._under_way, self._since, self._area, self._draw = 0, 0.0, 0.0, random.Random(load.seed)
        self._stations = {name: [Station(name, n, self) for n in range(load.copies)] for name in (DOOR, *VISITS)}
        for number, due in enumerate(load.arrivals()):
            self.machine.after(due, partial(self._place, Order(number, due)))

    def pause(self) -> float:
        """Disks, brokers and schedulers are not punctual."""
        return self._draw.expovariate(1 / self.costs.pause) if self.costs.pause else 0.0

    def play(self) -> Run:
        self.machine.run()
        seconds = self.machine.now
        sizes = {
            name: fmean(size for one in each for size in one.sizes or [0]) for name, each in self._stations.items()
        }
        return Run(self.latencies, self.machine.used / seconds, self._area / seconds, sizes, seconds)

    def pass_on(self, station: str, batch: Sequence[Said]) -> None:
        """Tell everybody who hears what a batch led to."""
        heard: dict[str, list[Said]] = defaultdict(list)
        for order, event in batch:
            dance = DANCE[MIX[order.number % len(MIX)]]
            says = event if station == DOOR else dance[station, event]
            for place in (place for place, hears in dance if hears is says):
                heard[place].append((order, says or event))
            if station == ORDER:
                self._end(order)
        for place, said in heard.items():
            self._deliver(place, said)

    def _deliver(self, place: str, said: Sequence[Said]) -> None:
        copies = self._stations[place]
        for copy, station in enumerate(copies):
            if mine := [(order, event) for order, event in said if order.number % len(copies) == copy]:
                station.hear(mine)

    def _place(self, order: Order) -> None:
        self._count(+1)
        self.machine.work("load", self.costs.record["load"], partial(self._deliver, DOOR, [(order, COMMAND)]))

    def _end(self, order: Order) -> None:
        self._count(-1)
        if order.placed >= self._settle:
            self.latencies.append(self.machine.now - order.placed)

    def _count(self, more: int) -> None:
        self._area += self._under_way * (self.machine.now - self._since)
        self._since, self._under_way = self.machine.now, self._under_way + more


def simulate(costs: Costs, load: Load) -> Run:
    return House(costs, load).play()
