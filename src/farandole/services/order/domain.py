"""An order is written once; how it ended is written once beside it."""

from enum import StrEnum

from farandole.contract import events, money
from farandole.contract.rows import StepRow
from farandole.messaging.decision import Row
from farandole.messaging.envelope import Cause


class Status(StrEnum):
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    FAILED = "FAILED"


class Order(Row, frozen=True):
    """What a customer ordered, total in minor units; everything `order.placed` is made of."""

    order_id: str
    digest: str
    decided_at: int
    customer_id: str
    customer: events.Customer
    currency: str
    total: int
    lines: tuple[events.Line, ...]

    @property
    def cause(self) -> Cause:
        return Cause(self.order_id, self.digest)


class UsedKey(Row, frozen=True):
    """An idempotency key and the order it belongs to, kept as long as the order."""

    idempotency_key: str
    order_id: str


class Outcome(StepRow, frozen=True):
    """How an order ended: its key admits one outcome an order, for ever."""

    status: str
    reason_code: str | None = None
    reason_detail: str | None = None


def total(lines: tuple[events.Line, ...], currency: str) -> int:
    """Minor units of all lines together."""
    return sum(money.minor(line.unit_price, currency) * line.quantity for line in lines)
