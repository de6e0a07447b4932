"""What the inventory's database says of the invariants."""

from farandole.contract.facts import Facts, ReceiptFact, ReservationFact, StockFact
from farandole.messaging.database import Transaction
from farandole.services.inventory.domain import Held, Reservation
from farandole.services.inventory.storage import RECEIPTS, RELEASES, RESERVATIONS, STOCK


def facts(transaction: Transaction) -> Facts:
    released = {release.order_id for release in transaction.all(RELEASES)}
    return Facts(
        stock=[StockFact(s.sku, s.available, s.reserved) for s in transaction.all(STOCK)],
        receipts=[ReceiptFact(r.sku, r.quantity) for r in transaction.all(RECEIPTS)],
        reservations=[_fact(reservation, released) for reservation in transaction.all(RESERVATIONS)],
    )


def _fact(reservation: Reservation, released: set[str]) -> ReservationFact:
    status = Held.RELEASED if reservation.order_id in released else reservation.outcome
    lines = tuple((line.sku, line.quantity) for line in reservation.lines)
    return ReservationFact(reservation.order_id, status, lines)
