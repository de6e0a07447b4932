"""The standard order of the performance suite: three lines over 100 SKUs, handed in by the hundred."""

import msgspec
from uuid_utils import uuid7

from farandole.contract import events
from farandole.contract.choreography import HAPPY
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Cause, Heard, digest
from farandole.monitor import ledger
from farandole.runtime.wiring import MONITOR
from farandole.services.inventory.domain import ReceiveStock
from tests.behaviour.faults import Clock
from tests.behaviour.house import House

SKUS = tuple(f"sku-{number:03}" for number in range(100))
_PRICES = {HAPPY: "19.99", "payment-failure": "9999.99", "stock-failure": "19.99"}
FLOWS = tuple(_PRICES)


class Hourglass(Clock):
    """Time passes until it is stopped, then only when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped: int | None = None

    def elapsed(self) -> int:
        return super().elapsed() if self._stopped is None else self._stopped + self._ahead

    def stop(self) -> None:
        self._stopped = super().elapsed() - self._ahead


def fill(house: House) -> None:
    """A million of each SKU comes in, in one batch."""
    intake = house.one("inventory").intake
    for sku in SKUS:
        goods = ReceiveStock(receipt_id=str(uuid7()), sku=sku, quantity=1_000_000)
        content = digest(msgspec.structs.replace(goods, receipt_id=""))
        intake.submit(Heard(goods, Cause(goods.receipt_id, content), house.clock()), goods.receipt_id)
    house.settle()


def fold(house: House) -> None:
    """Add the ledger's entries to its balances, as the auditor does."""
    with house.one(MONITOR).database.writing() as transaction:
        while ledger.fold(transaction):
            pass


def place(house: House, count: int, flow: str = HAPPY) -> list[str]:
    """Hand in standard orders that will dance a flow, each with an idempotency key; their ids."""
    return [_place(house, number, flow) for number in range(count)]


def _place(house: House, number: int, flow: str) -> str:
    skus = [SKUS[(3 * number + line) % len(SKUS)] for line in range(3)]
    if flow == "stock-failure":
        skus[2] = "nothing"
    order_id = str(uuid7())
    wish = events.PlaceOrder(
        order_id=order_id,
        customer=events.Customer(id="c-42", email="ada@example.com", phone="+14155550123"),
        currency="USD",
        lines=tuple(events.Line(sku=sku, quantity=2, unit_price=_PRICES[flow]) for sku in skus),
        idempotency=order_id,
    )
    content = digest(msgspec.structs.replace(wish, order_id="", idempotency=None))
    house.one("order").intake.submit(Heard(wish, Cause(order_id, content), house.clock()), order_id)
    return order_id


def accepted(house: House, orders: list[str]) -> bool:
    """Whether each order was saved."""
    return all(isinstance(house.replies.get(order), Decision) for order in orders)
