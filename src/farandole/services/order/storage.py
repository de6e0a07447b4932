"""The order service's tables, and the working set of a batch."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from farandole.contract import events
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.database.relation import Id, Json, Micros, step_columns
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.kernel_tables import service_metadata
from farandole.services.order.domain import Order, Outcome, UsedKey

METADATA: Final = service_metadata()

orders = sa.Table(
    "orders",
    METADATA,
    sa.Column("order_id", Id, primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("decided_at", Micros, nullable=False),
    sa.Column("customer_id", sa.String(128), nullable=False),
    sa.Column("customer", Json, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("lines", Json, nullable=False),
    sa.Index("orders_of_customer", "customer_id", "order_id"),
)
outcomes = sa.Table(
    "outcomes",
    METADATA,
    *step_columns(),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason_code", sa.String(64)),
    sa.Column("reason_detail", sa.Text),
    sa.Index("outcomes_by_status", "status", "order_id"),
)
used_keys = sa.Table(
    "used_keys",
    METADATA,
    sa.Column("idempotency_key", sa.String(128), primary_key=True),
    sa.Column("order_id", Id, nullable=False),
)

ORDERS: Final = Relation(Order, orders)
OUTCOMES: Final = Relation(Outcome, outcomes)
USED_KEYS: Final = Relation(UsedKey, used_keys)
RELATIONS: Final = (ORDERS, OUTCOMES, USED_KEYS)


def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
    """The orders of a batch, how they ended, and the idempotency keys it uses with the orders they belong to."""
    wishes = [heard.event for heard in batch if isinstance(heard.event, events.PlaceOrder)]
    ids = {heard.event.order_id for heard in batch}
    keys = transaction.ask(USED_KEYS, (wish.idempotency for wish in wishes if wish.idempotency))
    found = transaction.ask(ORDERS, ids)
    ended = transaction.ask(OUTCOMES, ids if len(wishes) < len(batch) else ())
    used = keys()
    rows = Rows()
    for loaded in (used, found(), ended(), transaction.select(ORDERS, {key.order_id for key in used} - ids)):
        rows.load(loaded)
    return rows
