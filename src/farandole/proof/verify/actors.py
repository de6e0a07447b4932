"""Who acts in a world from outside: customers who place orders, and goods that come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from farandole.contract import events
from farandole.messaging.envelope import Cause, Event, Heard, Message, digest
from farandole.proof.verify.names import Names
from farandole.services.inventory.domain import ReceiveStock

Lines = tuple[tuple[str, int], ...]
HONEST: Final = "ada"
FORGER: Final = "eve"


@dataclass(frozen=True)
class Order:
    """An order of SKUs and quantities at one price; `keyed`: the client sends it twice under one Idempotency-Key,
    and each gets an id of its own; `forged`: a second `order.placed` under another id follows the first one."""

    lines: Lines = (("tea", 1),)
    price: str = "1.00"
    keyed: bool = False
    forged: bool = False

    service = "order"

    @property
    def commands(self) -> int:
        return 2 if self.keyed else 1

    def command(self, number: int, names: Names, at: int) -> Heard[Any]:
        wish = events.PlaceOrder(
            order_id=names.spelt(f"<order {number + 1}>"),
            customer=events.Customer(id=HONEST, email="ada@example.com", phone="+14155550123"),
            currency="USD",
            lines=tuple(events.Line(sku=sku, quantity=quantity, unit_price=self.price) for sku, quantity in self.lines),
            idempotency=names.spelt("<key 1>") if self.keyed else None,
        )
        return Heard(wish, Cause(wish.order_id, _content(wish, order_id="", idempotency=None)), at)


@dataclass(frozen=True)
class Receipt:
    """Goods of one SKU; a client that got no answer sends them again under the same key."""

    sku: str = "tea"
    quantity: int = 1

    service = "inventory"
    commands = 1
    forged = False

    def command(self, number: int, names: Names, at: int) -> Heard[Any]:
        receipt_id = names.spelt(f"<receipt {number + 1}>")
        goods = ReceiveStock(receipt_id=receipt_id, sku=self.sku, quantity=self.quantity)
        return Heard(goods, Cause(receipt_id, _content(goods, receipt_id="")), at)


Actor = Order | Receipt


class Command(NamedTuple):
    """The n-th command of an actor."""

    actor: Actor
    number: int


def _content(command: Event, **without: str | None) -> str:
    return digest(msgspec.structs.replace(command, **without))


def forgery(placed: Message) -> Message:
    """The same order placed by somebody else, under another event id; ids are names."""
    headers: Mapping[str, bytes] = dict(placed.headers) | {"ce_id": b"<forgery 1>"}
    value = placed.value.replace(f'"id":"{HONEST}"'.encode(), f'"id":"{FORGER}"'.encode())
    return Message(placed.topic, placed.key, value, tuple(headers.items()))


def forged(message: Message) -> bool:
    return dict(message.headers)["ce_id"] == b"<forgery 1>"
