"""What the notification service left behind, rendered once more from its rows."""

from collections.abc import Iterable, Iterator
from typing import Final

from farandole.contract import events
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.service import Again
from farandole.services.notification.domain import Kind
from farandole.services.notification.storage import NOTICES

_HEARD: Final[dict[str, type[events.OrderEvent]]] = {
    Kind.COMPLETED: events.OrderCompleted,
    Kind.PAYMENT_FAILED: events.PaymentFailed,
    Kind.FAILED: events.OrderFailed,
}


def again(transaction: Transaction, order_ids: Iterable[str]) -> Iterator[Again]:
    """Every decision about these orders; no message is sent again."""
    for notice in transaction.select(NOTICES, order_ids):
        yield Again(_HEARD[notice.kind], notice.order_id, Decision(notice))
