"""Notices, messages, and what is still to be delivered."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import create_kernel_tables, identifier, micros, step_columns

revision = "notification_0001"
down_revision = None


def upgrade() -> None:
    create_kernel_tables()
    op.create_table(
        "notices",
        *step_columns(),
        sa.Column("kind", sa.String(16), primary_key=True),
    )
    op.create_table(
        "messages",
        sa.Column("message_id", identifier(), primary_key=True),
        sa.Column("order_id", identifier(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
        sa.UniqueConstraint("order_id", "kind", "channel", name="one_message_a_channel"),
    )
    op.create_table(
        "deliveries",
        sa.Column("message_id", identifier(), primary_key=True),
        sa.Column("due_at", micros(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("gave_up", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
    )
    where = sa.text("NOT gave_up")
    op.create_index("deliveries_due", "deliveries", ["due_at"], postgresql_where=where, sqlite_where=where)
