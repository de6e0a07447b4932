"""What the inventory said of orders, rendered once more from its rows."""

from collections.abc import Iterable, Iterator

from farandole.contract import events
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.service import Again
from farandole.services.inventory.handlers import answer
from farandole.services.inventory.storage import RELEASES, RESERVATIONS


def again(transaction: Transaction, order_ids: Iterable[str]) -> Iterator[Again]:
    """Every decision about these orders."""
    ids = list(order_ids)
    for reservation in transaction.select(RESERVATIONS, ids):
        yield Again(events.OrderPlaced, reservation.order_id, Decision(reservation, answer(reservation)))
    for release in transaction.select(RELEASES, ids):
        yield Again(events.PaymentFailed, release.order_id, Decision(release))
