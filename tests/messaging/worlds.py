"""A world in memory: the real handlers, records in flight, and whatever order of delivery a test draws."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, cast

from farandole.contract.facts import Facts, RecordFact
from farandole.messaging.batch import Verdict
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.envelope import Heard, Message
from farandole.services.inventory import facts as inventory_facts
from farandole.services.notification import facts as notification_facts
from farandole.services.order import facts as order_facts
from farandole.services.payment import facts as payment_facts
from tests.contract.dances import ALL, Kept, goods, heard, some_id, wish

SAGA = ("order", "inventory", "payment", "notification")
FACTS = {
    "order": order_facts.facts,
    "inventory": inventory_facts.facts,
    "payment": payment_facts.facts,
    "notification": notification_facts.facts,
}
Wanted = tuple[str, Sequence[tuple[str, int]]]


class Shelf:
    """A service's rows, read as a transaction reads them."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def all(self, relation: Relation[Any]) -> list[Any]:
        return self._kept.all(relation.kind)


class World:
    """Every service's rows and what each has still to hear; `copies` of each record arrive."""

    def __init__(self, copies: int = 1) -> None:
        self.kept = {name: Kept(ALL[name]) for name in SAGA}
        self.parked: list[str] = []
        self.heard: dict[str, list[Heard[Any]]] = {name: [] for name in SAGA}
        self._copies = copies
        self._waiting: dict[str, list[Message]] = {name: [] for name in SAGA}
        self._said: list[Message] = []
        self._acknowledged: list[str] = []

    def stock(self, stocked: tuple[int, int]) -> None:
        for sku, quantity in zip(("tea", "milk"), stocked, strict=True):
            if quantity:
                self._decide("inventory", [goods(sku, sku, quantity)])

    def place(self, name: object, price: str, lines: Sequence[tuple[str, int]]) -> None:
        self._decide("order", [wish(name, price, lines)])
        self._acknowledged.append(some_id(name))

    def step(self, random: Random, size: int) -> bool:
        """Some service hears a batch of what waits for it, in any order; False when nothing waits."""
        waiting = [name for name in SAGA if self._waiting[name]]
        if not waiting:
            return False
        name = random.choice(waiting)
        messages = self._waiting[name]
        random.shuffle(messages)
        batch, self._waiting[name] = messages[:size], messages[size:]
        self._decide(name, [heard(ALL[name], message) for message in batch])
        return True

    def facts(self) -> Facts:
        facts = Facts(acknowledged=self._acknowledged, records=[_record(message) for message in self._said])
        for name, look in FACTS.items():
            facts |= look(cast(Transaction, Shelf(self.kept[name])))
        return facts

    def _decide(self, name: str, batch: list[Heard[Any]]) -> None:
        self.heard[name] += batch
        for verdict in self.kept[name].batch(batch):
            if not isinstance(verdict, Verdict):
                self.parked.append(repr(verdict))
            elif verdict.message is not None:
                self._say(verdict.message)

    def _say(self, message: Message) -> None:
        repeated = message in self._said
        self._said.append(message)
        for name in SAGA:
            if message.topic in ALL[name].topics and not repeated:
                self._waiting[name] += [message] * self._copies


def events_of(name: str, orders: Iterable[Wanted], stocked: tuple[int, int]) -> list[Heard[Any]]:
    """What one service hears, commands included, when these orders are danced."""
    world = World()
    world.stock(stocked)
    for number, (price, lines) in enumerate(orders):
        world.place(number, price, lines)
    random = Random(0)
    while world.step(random, 2):
        pass
    return world.heard[name]


def _record(message: Message) -> RecordFact:
    headers = dict(message.headers)
    cause = headers.get("ce_causationid")
    fingerprint = repr((message.key, message.value, message.headers))
    return RecordFact(
        message.topic, message.key, headers["ce_id"].decode(), cause.decode() if cause else None, fingerprint
    )
