"""What the payment service's database says of the invariants."""

from farandole.contract.facts import Facts, PaymentFact
from farandole.messaging.database import Transaction
from farandole.services.payment.storage import PAYMENTS


def facts(transaction: Transaction) -> Facts:
    return Facts(payments=[PaymentFact(p.order_id, p.status, p.currency, p.amount) for p in transaction.all(PAYMENTS)])
