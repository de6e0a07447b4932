"""What the payment service said, rendered once more from its rows."""

from collections.abc import Iterable, Iterator

from farandole.contract import events
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.service import Again
from farandole.services.payment.handlers import answer
from farandole.services.payment.storage import PAYMENTS


def again(transaction: Transaction, order_ids: Iterable[str]) -> Iterator[Again]:
    """Every decision about these orders."""
    for payment in transaction.select(PAYMENTS, order_ids):
        yield Again(events.OrderValidated, payment.order_id, Decision(payment, answer(payment)))
