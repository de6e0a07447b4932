"""What the real services decide, remembered: one transaction over the rows of one order, or of several together."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, Generic, NamedTuple, TypeVar

from farandole.contract.invariants import Finding
from farandole.messaging.batch import Verdict, decide
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard, Message, Record, digest, unseal
from farandole.messaging.failure import Conflict, Poison, Refused, Transient
from farandole.messaging.service import Service
from farandole.proof.verify.actors import Command, forged
from farandole.proof.verify.memory import NOTHING, Kept, Memory
from farandole.proof.verify.names import Names
from farandole.services.inventory.domain import ReceiveStock
from farandole.services.inventory.handlers import received
from farandole.services.inventory.storage import RECEIPTS, STOCK

T = TypeVar("T", bound=Hashable)
SAGA: Final = ("order", "inventory", "payment", "notification")
NOON: Final = 1_767_268_800_000_000
LATER: Final = NOON + 61_000_000
"""When something is decided for the first time, and when it is heard again."""
NEVER: Final = -1
"""In the place of an answer: not decided yet."""
PARKED: Final = -2
SILENT: Final = -3

ONCE = ("A3", "what is written once never changes")
PARKS = ("parked", "an honest record is never parked")


def broken(rule: tuple[str, str], sentence: str) -> Finding:
    """One violation of a rule of the checker's own."""
    return Finding(*rule, 1, (sentence,))


class Interned(Generic[T]):
    """Small numbers for values."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def __call__(self, value: T) -> int:
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Part(NamedTuple):
    """One order's part in a transaction: its rows at the service, what is heard, whether it was decided before, and how
    often it is in the batch."""

    rows: int
    heard: int
    again: bool = False
    copies: int = 1


class Outcome(NamedTuple):
    """After a transaction: each part's rows, what was said (of several copies the last time), whether it was decided
    now; and the stock."""

    rows: tuple[int, ...]
    said: tuple[int, ...]
    new: tuple[bool, ...]
    stock: int
    broken: tuple[Finding, ...] = ()


class Look(NamedTuple):
    """The rows and the stock that a transaction of one part saw, before another one committed."""

    rows: int
    stock: int


Batch = tuple[str, tuple[Part, ...], int, Look | None]


Seen = frozenset[Kept] | None
Transact = Callable[[Service, Sequence[Heard[Any]], frozenset[Kept], Seen], tuple[list[Any], frozenset[Kept]]]
"""Decides a batch on rows, some of which it may have seen as they were before; the verdicts, and the rows after it."""


def in_memory(
    service: Service, batch: Sequence[Heard[Any]], kept: frozenset[Kept], seen: Seen
) -> tuple[list[Any], frozenset[Kept]]:
    """One transaction of the kernel's own `decide`; raises Conflict or Transient."""
    transaction = Memory(service.relations, kept, seen)
    return list(decide(service, transaction, batch)), transaction.kept


class Deciders:
    """The saga's services over rows, messages and stock that are numbers; numbers stand for rows without ids."""

    def __init__(self, services: Mapping[str, Service], transact: Transact = in_memory) -> None:
        self._transact = transact
        self.services = {name: services[name] for name in SAGA}
        self.rows: Interned[frozenset[Kept]] = Interned()
        self.heard: Interned[Message | Command] = Interned()
        self.stock: Interned[frozenset[Kept]] = Interned()
        self._names: list[Names] = []
        self._learnt: list[int] = []
        self._known: dict[Batch, Outcome | None] = {}

    @cached_property
    def hearers(self) -> Mapping[str, tuple[int, ...]]:
        """Which services, by their place in SAGA, subscribe to a topic."""
        topics = {topic for service in self.services.values() for topic in service.topics}
        return {t: tuple(n for n, name in enumerate(SAGA) if t in self.services[name].topics) for t in topics}

    def decide(self, service: str, parts: tuple[Part, ...], stock: int, look: Look | None = None) -> Outcome | None:
        """What one transaction decides; None when it fails and will be tried again. `look`: what it saw of what it does
        not lock, when that has changed since."""
        key = (service, parts, stock if service == "inventory" else NEVER, look)
        if key not in self._known:
            self._known[key] = self._decide(service, parts, stock, look)
        found = self._known[key]
        return found if found is None or service == "inventory" else found._replace(stock=stock)

    def names(self, place: int) -> Names:
        """The names at a place, with the digests of every message so far."""
        while len(self._names) <= place:
            self._names.append(Names(len(self._names)))
            self._learnt.append(0)
        names = self._names[place]
        for number in range(self._learnt[place], len(self.heard.values)):
            message = self.heard.values[number]
            if isinstance(message, Message) and (decoder := self._decoder(message.topic)):
                event = decoder.decode(names.spelt_message(message).value)
                names.learn(digest(event), f"<digest {number}>")
        self._learnt[place] = len(self.heard.values)
        return names

    def memory(self, service: str, rows: int, place: int, stock: Iterable[Kept] = ()) -> Memory:
        """A service's rows about one order, with the ids of a place."""
        names = self.names(place)
        return Memory(self.services[service].relations, (*map(names.spelt_row, self.rows.values[rows]), *stock))

    def _decoder(self, topic: str) -> Any:
        return next((s.decoders[topic] for s in self.services.values() if topic in s.decoders), None)

    def _decide(self, name: str, parts: tuple[Part, ...], stock: int, look: Look | None) -> Outcome | None:
        service = self.services[name]
        batch = [self._hear(service, part, place) for place, part in enumerate(parts) for _ in range(part.copies)]
        before = [self._spelt(part.rows, place) for place, part in enumerate(parts)]
        seen = self._shelf(name, look.stock) | self._spelt(look.rows, 0) if look else None
        try:
            every, there = self._transact(service, batch, self._shelf(name, stock).union(*before), seen)
        except (Conflict, Transient):
            return None
        verdicts = [every[last - 1] for last in accumulate(part.copies for part in parts)]
        shelf = frozenset(kept for kept in there if kept[0] == STOCK.name)
        after = self._shared_out(there - shelf, len(parts))
        said = tuple(self._said(verdict, place) for place, verdict in enumerate(verdicts))
        rows = tuple(self._named(kept, place) for place, kept in enumerate(after))
        found = (*self._lost(before, after), *self._parked(parts, verdicts))
        new = tuple(isinstance(verdict, Verdict) and verdict.new for verdict in verdicts)
        return Outcome(rows, said, new, self.stock(shelf), found)

    def _shelf(self, service: str, stock: int) -> frozenset[Kept]:
        return self.stock.values[stock] if service == "inventory" else NOTHING

    def _hear(self, service: Service, part: Part, place: int) -> Heard[Any]:
        heard, names, at = self.heard.values[part.heard], self.names(place), LATER if part.again else NOON
        if isinstance(heard, Command):
            return heard.actor.command(heard.number, names, at)
        message = names.spelt_message(heard)
        record = Record(message.topic, 0, 0, message.key.encode(), message.value, message.headers, at)
        return unseal(record, service.decoders[message.topic], at)

    def _spelt(self, rows: int, place: int) -> frozenset[Kept]:
        return frozenset(map(self.names(place).spelt_row, self.rows.values[rows]))

    def _named(self, kept: Iterable[Kept], place: int) -> int:
        return self.rows(frozenset(map(self.names(place).named_row, kept)))

    def _shared_out(self, kept: Iterable[Kept], parts: int) -> list[set[Kept]]:
        """The rows of each part; whose they are is told by the ids in them."""
        shares: list[set[Kept]] = [set() for _ in range(parts)]
        for row in kept:
            owner = next((place for place in range(parts) if self.names(place).owns(row)), 0)
            shares[owner].add(row)
        return shares

    def _said(self, verdict: Verdict | Poison | Refused, place: int) -> int:
        if not isinstance(verdict, Verdict):
            return PARKED
        if verdict.message is None:
            return SILENT
        return self.heard(self.names(place).named_message(verdict.message))

    def _lost(self, before: Sequence[frozenset[Kept]], after: Sequence[set[Kept]]) -> tuple[Finding, ...]:
        gone = sorted({name for old, new in zip(before, after, strict=True) for name, _ in old - new})
        return tuple(broken(ONCE, f"a row of {name} changed or vanished") for name in gone)

    def _parked(self, parts: Sequence[Part], verdicts: Sequence[Any]) -> tuple[Finding, ...]:
        heard = [self.heard.values[part.heard] for part in parts]
        return tuple(
            broken(PARKS, str(verdict))
            for one, verdict in zip(heard, verdicts, strict=True)
            if isinstance(verdict, Exception) and not (isinstance(one, Message) and forged(one))
        )

    def words(self, number: int) -> str:
        """What was said, in a word."""
        message = self.heard.values[number] if number >= 0 else None
        if not isinstance(message, Message):
            return "nothing (parked)" if number == PARKED else "nothing"
        return f"a forged {message.topic}" if forged(message) else message.topic

    def committed(self, service: str, rows: int, again: Any) -> frozenset[int]:
        """What a service's rows say that it said, as `republish` renders it, and what was said of receipts."""
        names, memory, value = self.names(0), self.memory(service, rows, 0), self.services[service]
        ids = {names.spelt(f"<order {number}>") for number in (1, 2)}
        found = [value.answer(*one) for one in again(memory, ids)]
        if service == "inventory":
            receipts = memory.all(RECEIPTS)
            found += [value.answer(ReceiveStock, row.sku, Decision(row, received(row))) for row in receipts]
        return frozenset(self.heard(names.named_message(message)) for message in found if message)
