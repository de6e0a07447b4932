"""A payment is asked of a gateway once per order and written once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from farandole.contract import events, money
from farandole.contract.rows import StepRow


class Paid(StrEnum):
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Payment(StepRow, frozen=True):
    """How the payment of one order went, amount in minor units, with what its answer carries on."""

    status: str
    currency: str
    amount: int
    customer: events.Customer
    reason_code: str | None = None
    reason_detail: str | None = None


class Gateway(Protocol):
    """Decides payments without leaving the process: None approves, a reason declines."""

    def decline(self, order_id: str, amount: int, currency: str) -> events.Reason | None: ...


@dataclass(frozen=True)
class Limit:
    """The specification's rule: more than the limit, in the order's currency, fails."""

    most: str

    def decline(self, order_id: str, amount: int, currency: str) -> events.Reason | None:
        places = max(money.digits(currency), len(self.most.partition(".")[2]))
        if amount * 10 ** (places - money.digits(currency)) <= _scaled(self.most, places):
            return None
        found = money.decimal(amount, currency)
        return events.Reason(code="limit_exceeded", detail=f"{found} {currency} is more than {self.most} {currency}")


def _scaled(decimal: str, places: int) -> int:
    whole, _, fraction = decimal.partition(".")
    return int(whole + fraction.ljust(places, "0"))
