"""Pure handlers over rows in memory: what a batch would decide, without a database."""

from collections.abc import Sequence
from typing import Any

import msgspec
from uuid_utils import UUID, uuid5

from farandole.contract import events
from farandole.contract.choreography import Service as Name
from farandole.messaging.batch import Verdict, judge
from farandole.messaging.decision import Row, Rows
from farandole.messaging.envelope import Cause, Heard, Message, Record, digest, unseal
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.service import Service
from farandole.runtime.settings import load
from farandole.runtime.wiring import services
from farandole.services.inventory.domain import ReceiveStock

NOON = 1_767_268_800_000_000
ALL = services(load({}))
NAMESPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def some_id(name: object) -> str:
    """The same id for the same name."""
    return str(uuid5(NAMESPACE, str(name)))


class Kept:
    """One service's rows in memory; a batch sees them as if loaded."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.rows: dict[tuple[type[Row], Any], Row] = {}

    def batch(self, heard: Sequence[Heard[Any]]) -> list[Verdict | Poison | Refused]:
        """Decide a batch as the kernel does, and keep the changed rows."""
        rows = Rows()
        rows.load(self.rows.values())
        verdicts = [judge(self.service, rows, each) for each in heard]
        for kind, new, changed in rows.changes():
            for row in (*new, *changed):
                assert (row in new) == ((kind, row.key) not in self.rows)
                self.rows[kind, row.key] = row
        return verdicts

    def all(self, kind: type[Any]) -> list[Any]:
        return [row for (of, _), row in self.rows.items() if of is kind]


def said(verdicts: Sequence[Verdict | Poison | Refused]) -> list[Message | str | None]:
    """What a batch said, failures by their words."""
    return [verdict.message if isinstance(verdict, Verdict) else repr(verdict) for verdict in verdicts]


def heard(service: Service, message: Message, at: int = NOON) -> Heard[Any]:
    """A message as a service hears it."""
    record = Record(message.topic, 0, 0, message.key.encode(), message.value, message.headers, at)
    return unseal(record, service.decoders[message.topic], at)


def wish(
    name: object, price: str = "10.00", lines: Sequence[tuple[str, int]] = (("tea", 1),), **more: Any
) -> Heard[Any]:
    """A command to place an order."""
    event = events.PlaceOrder(
        order_id=some_id(name),
        customer=events.Customer(id="ada", email="ada@example.com", phone=more.get("phone")),
        currency="USD",
        lines=tuple(events.Line(sku=sku, quantity=quantity, unit_price=price) for sku, quantity in lines),
        idempotency=more.get("key"),
    )
    content = digest(msgspec.structs.replace(event, order_id="", idempotency=None))
    return Heard(event, Cause(event.order_id, content), NOON)


def goods(name: object, sku: str, quantity: int) -> Heard[Any]:
    """A command to receive goods."""
    event = ReceiveStock(receipt_id=some_id(name), sku=sku, quantity=quantity)
    return Heard(event, Cause(event.receipt_id, digest(event)), NOON)


def danced(price: str, tea: int) -> list[Message]:
    """Everything that is said of one order for two teas while so many are in stock."""
    kept = {str(name): Kept(ALL[name]) for name in Name}
    kept["inventory"].batch([goods("goods", "tea", tea)])
    waiting = [
        word for word in said(kept["order"].batch([wish("a", price, (("tea", 2),))])) if isinstance(word, Message)
    ]
    everything: list[Message] = []
    while waiting:
        message = waiting.pop(0)
        everything.append(message)
        for service in kept.values():
            if message.topic in service.service.topics:
                words = said(service.batch([heard(service.service, message)]))
                waiting += [word for word in words if isinstance(word, Message)]
    return everything
