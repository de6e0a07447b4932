"""What the order service's database says of the invariants."""

from farandole.contract.facts import Facts, OrderFact
from farandole.messaging.database import Transaction
from farandole.services.order.domain import Order, Status, total
from farandole.services.order.storage import ORDERS, OUTCOMES


def facts(transaction: Transaction) -> Facts:
    status = {outcome.order_id: outcome.status for outcome in transaction.all(OUTCOMES)}
    return Facts(orders=[_fact(order, status) for order in transaction.all(ORDERS)])


def _fact(order: Order, status: dict[str, str]) -> OrderFact:
    return OrderFact(
        order_id=order.order_id,
        status=status.get(order.order_id, Status.PENDING),
        currency=order.currency,
        total=order.total,
        sum=total(order.lines, order.currency),
        lines=tuple((line.sku, line.quantity) for line in order.lines),
        channels=sum(1 for address in (order.customer.email, order.customer.phone) if address),
    )
