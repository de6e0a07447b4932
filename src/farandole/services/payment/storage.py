"""The payment service's table, and the working set of a batch."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from farandole.messaging.database import Relation, Transaction
from farandole.messaging.database.relation import Json, step_columns
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.kernel_tables import service_metadata
from farandole.services.payment.domain import Payment

METADATA: Final = service_metadata()

payments = sa.Table(
    "payments",
    METADATA,
    *step_columns(),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("customer", Json, nullable=False),
    sa.Column("reason_code", sa.String(64)),
    sa.Column("reason_detail", sa.Text),
)

PAYMENTS: Final = Relation(Payment, payments)
RELATIONS: Final = (PAYMENTS,)


def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
    """The payments that the orders of a batch already have."""
    rows = Rows()
    rows.load(transaction.select(PAYMENTS, (heard.event.order_id for heard in batch)))
    return rows
