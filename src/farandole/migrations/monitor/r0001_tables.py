"""What was recorded of every order, and the goods received."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import create_kernel_tables, identifier, micros

revision = "monitor_0001"
down_revision = None


def upgrade() -> None:
    create_kernel_tables()
    op.create_table(
        "recorded",
        sa.Column("event_id", identifier(), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("order_id", identifier(), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("service", sa.String(16), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("heard", sa.String(64)),
        sa.Column("said", sa.String(64)),
        sa.Column("decided_at", micros(), nullable=False),
        sa.Column("causation", identifier()),
        sa.Column("recorded_at", micros(), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("order_id", "number", name="one_step_a_number"),
    )
    op.create_table(
        "received",
        sa.Column("event_id", identifier(), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
    )
