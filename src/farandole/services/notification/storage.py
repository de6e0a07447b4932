"""The notification service's tables, and the working set of a batch."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from farandole.messaging.database import Relation, Transaction
from farandole.messaging.database.relation import Id, Micros, step_columns
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.kernel_tables import service_metadata
from farandole.services.notification.domain import Delivery, Message, Notice

METADATA: Final = service_metadata()

notices = sa.Table(
    "notices",
    METADATA,
    *step_columns(),
    sa.Column("kind", sa.String(16), primary_key=True),
)
messages = sa.Table(
    "messages",
    METADATA,
    sa.Column("message_id", Id, primary_key=True),
    sa.Column("order_id", Id, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("decided_at", Micros, nullable=False),
    sa.UniqueConstraint("order_id", "kind", "channel", name="one_message_a_channel"),
)
deliveries = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("message_id", Id, primary_key=True),
    sa.Column("due_at", Micros, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("gave_up", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("deliveries_due", "due_at", postgresql_where=sa.text("NOT gave_up"), sqlite_where=sa.text("NOT gave_up")),
)

NOTICES: Final = Relation(Notice, notices)
MESSAGES: Final = Relation(Message, messages)
DELIVERIES: Final = Relation(Delivery, deliveries)
RELATIONS: Final = (NOTICES, MESSAGES, DELIVERIES)


def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
    """The notices that the orders of a batch already have."""
    rows = Rows()
    rows.load(transaction.select(NOTICES, (heard.event.order_id for heard in batch)))
    return rows
