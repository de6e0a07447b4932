"""What the order service said, rendered once more from its rows."""

from collections.abc import Iterable, Iterator
from typing import Final

from farandole.contract import events
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.service import Again
from farandole.services.order.domain import Status
from farandole.services.order.handlers import completed, placed
from farandole.services.order.storage import ORDERS, OUTCOMES

_HEARD: Final[dict[str, type[events.OrderEvent]]] = {
    Status.COMPLETED: events.OrderPaid,
    Status.PAYMENT_FAILED: events.PaymentFailed,
    Status.FAILED: events.OrderFailed,
}


def again(transaction: Transaction, order_ids: Iterable[str]) -> Iterator[Again]:
    """Every decision about these orders."""
    ids = list(order_ids)
    outcomes = {outcome.order_id: outcome for outcome in transaction.select(OUTCOMES, ids)}
    for order in transaction.select(ORDERS, ids):
        yield Again(events.PlaceOrder, order.order_id, Decision(order, placed(order)))
        if outcome := outcomes.get(order.order_id):
            says = completed(order) if outcome.status == Status.COMPLETED else None
            yield Again(_HEARD[outcome.status], order.order_id, Decision(outcome, says))
