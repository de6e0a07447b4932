"""What must hold in every state, and what in every end, asked of the invariants and remembered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from farandole.contract.facts import Facts, RecordFact
from farandole.contract.invariants import Finding, findings
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.envelope import Message
from farandole.proof.verify.actors import Order, forged
from farandole.proof.verify.deciding import SAGA, Deciders, broken
from farandole.proof.verify.local import Local
from farandole.proof.verify.memory import Kept, Memory
from farandole.proof.verify.moves import Locals
from farandole.runtime.republish import SAYING
from farandole.services.inventory import facts as inventory_facts
from farandole.services.notification import facts as notification_facts
from farandole.services.order import facts as order_facts
from farandole.services.payment import facts as payment_facts

LOOKS: Final = (order_facts.facts, inventory_facts.facts, payment_facts.facts, notification_facts.facts)
COMMITTED: Final = ("T1c", "every record has its committed decision")
LIMIT: Final = 10_000_00
LIMITED: Final = ("limit", "a payment fails when the amount is more than 10,000.00, and only then")
KEY: Final = ("key", "one Idempotency-Key gives one order")
PLENTY: Final = ("plenty", "nobody is refused what there is for everyone")
SAID: Final = ("T1s", "at rest every committed decision is in its topic")


class Checks:
    """Holds the invariants against states; `came_in` are the goods that were there before the world began."""

    def __init__(self, deciders: Deciders, locals_: Locals, came_in: frozenset[Kept]) -> None:
        self._deciders, self._locals, self._came_in = deciders, locals_, came_in
        self._always: dict[tuple[int, ...], tuple[Finding, ...]] = {}
        self._apart: dict[int, tuple[int, bool, tuple[Finding, ...]]] = {}
        self._over: dict[int, bool] = {}
        self._found: dict[tuple[tuple[int, ...], frozenset[int]], tuple[Finding, ...]] = {}
        self._rows: dict[tuple[int, ...], int] = {}

    def apart(self, number: int) -> tuple[int, bool, tuple[Finding, ...]]:
        """Of one order: which rows it has, whether it is quiet, and what is violated of it alone."""
        if number not in self._apart:
            local = self._locals.known.values[number]
            rows = self._rows.setdefault(local.rows, len(self._rows))
            if (local.rows, local.topics) not in self._found:
                self._found[local.rows, local.topics] = self._alone(local)
            self._apart[number] = (rows, local.quiet, self._found[local.rows, local.topics])
            self._over[number] = local.quiet and local.posted == (1 << self._locals.actor(local).commands) - 1
        return self._apart[number]

    def always(self, stock: int, numbers: Sequence[int]) -> tuple[Finding, ...]:
        """What is violated in a state; `numbers` are its orders."""
        alone = [self.apart(number) for number in numbers]
        key = (stock, *(rows for rows, _, _ in alone))
        if key not in self._always:
            self._always[key] = _violated(self._facts(stock, numbers), "A")
        return (*self._always[key], *(finding for _, _, found in alone for finding in found))

    def quiet(self, numbers: Sequence[int]) -> bool:
        """Whether nothing is in flight: an end."""
        return all(self.apart(number)[1] for number in numbers)

    def over(self, numbers: Sequence[int]) -> bool:
        """Whether every command was given, and nothing is in flight."""
        return all(self._over[number] for number in numbers)

    def at_rest(self, stock: int, numbers: Sequence[int]) -> tuple[Finding, ...]:
        """What is violated in an end."""
        facts = self._facts(stock, numbers)
        found = [*_violated(facts, "Q", "T"), *_limit(facts), *self._plenty(facts)]
        for number in numbers:
            local = self._locals.known.values[number]
            if missing := self._committed(local) - local.topics:
                found.append(broken(SAID, f"in no topic: {self._topics(missing)}"))
        return tuple(found)

    def _plenty(self, facts: Facts) -> Iterator[Finding]:
        there: Counter[str] = Counter()
        for receipt in inventory_facts.facts(self._shelf(frozenset())).receipts or ():
            there[receipt.sku] += receipt.quantity
        for order in facts.orders or ():
            there.subtract(_sums(order.lines))
        refused = [order.order_id for order in facts.orders or () if order.status == "FAILED"]
        if refused and min(there.values()) >= 0:
            yield broken(PLENTY, f"{refused[0]} was refused")

    def _alone(self, local: Local) -> tuple[Finding, ...]:
        records = [_record(message) for message in self._honest(local).values()]
        found = _violated(Facts(records=records), "T")
        if early := self._honest(local).keys() - self._committed(local):
            found += (broken(COMMITTED, f"no decision behind {self._topics(early)}"),)
        if (orders := len(self._deciders.memory("order", local.rows[0], 0).all(_ORDERS))) > 1:
            found += (broken(KEY, f"{orders} orders"),)
        return found

    def _committed(self, local: Local) -> frozenset[int]:
        """What its rows say that was said."""
        parts = zip(SAGA, local.rows, strict=True)
        return frozenset().union(*(self._deciders.committed(name, rows, SAYING[name][1]) for name, rows in parts))

    def _honest(self, local: Local) -> dict[int, Message]:
        said = {number: self._deciders.heard.values[number] for number in local.topics}
        return {number: m for number, m in said.items() if isinstance(m, Message) and not forged(m)}

    def _topics(self, numbers: Iterable[int]) -> str:
        messages = (self._deciders.heard.values[number] for number in numbers)
        return ", ".join(sorted(message.topic for message in messages if isinstance(message, Message)))

    def _facts(self, stock: int, numbers: Sequence[int]) -> Facts:
        """What is observed of all orders, each under the ids of its place, and of the goods on the shelf."""
        together: dict[str, list[Any]] = {"receipts": []}
        for place, number in enumerate(numbers):
            local = self._locals.known.values[number]
            for name, rows, look in zip(SAGA, local.rows, LOOKS, strict=True):
                facts = look(cast(Transaction, self._deciders.memory(name, rows, place)))
                _add(together, facts)
            together.setdefault("records", []).extend(self._records(local, place))
            together.setdefault("acknowledged", []).extend(self._acknowledged(local, place))
        _add(together, inventory_facts.facts(self._shelf(self._deciders.stock.values[stock])))
        return Facts(**together)

    def _shelf(self, stock: frozenset[Kept]) -> Memory:
        """The stock, and the goods that were there from the beginning."""
        return Memory(self._deciders.services["inventory"].relations, stock | self._came_in)

    def _records(self, local: Local, place: int) -> list[RecordFact]:
        names = self._deciders.names(place)
        return [_record(names.spelt_message(message)) for message in self._honest(local).values()]

    def _acknowledged(self, local: Local, place: int) -> list[str]:
        """The order that a client was told of; under one key it is the one that came first."""
        actor = self._locals.actors.values[local.actor]
        if not isinstance(actor, Order) or not local.posted:
            return []
        orders = self._deciders.memory("order", local.rows[0], place).all(_ORDERS)
        told = [order.order_id for order in orders]
        return told or [self._deciders.names(place).spelt("<order 1>")]


_ORDERS: Final[Relation[Any]] = SAYING["order"][0]


def _add(together: dict[str, list[Any]], facts: Facts) -> None:
    for name, value in vars(facts).items():
        if value is not None:
            together.setdefault(name, []).extend(value)


def _limit(facts: Facts) -> Iterator[Finding]:
    """The specification's own rule, held against how the orders ended."""
    for order in facts.orders or ():
        if order.status == ("COMPLETED" if order.total > LIMIT else "PAYMENT_FAILED"):
            yield broken(LIMITED, f"{order.order_id} over {order.total} minor units ended {order.status}")


def _sums(lines: Iterable[tuple[str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for sku, quantity in lines:
        sums[sku] += quantity
    return sums


def _violated(facts: Facts, *kinds: str) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings(facts) if finding.id[0] in kinds and finding.violations)


def _record(message: Message) -> RecordFact:
    headers = {name: value.decode() for name, value in message.headers}
    fingerprint = repr((message.key, message.value, message.headers))
    return RecordFact(message.topic, message.key, headers["ce_id"], headers.get("ce_causationid"), fingerprint)
