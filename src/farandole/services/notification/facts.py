"""What the notification service's database says of the invariants."""

from farandole.contract.facts import Facts, MessageFact, NoticeFact
from farandole.messaging.database import Transaction
from farandole.services.notification.storage import MESSAGES, NOTICES


def facts(transaction: Transaction) -> Facts:
    return Facts(
        notices=[NoticeFact(n.order_id, n.kind) for n in transaction.all(NOTICES)],
        messages=[MessageFact(m.order_id, m.kind, m.channel) for m in transaction.all(MESSAGES)],
    )
