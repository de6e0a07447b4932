"""Orders, how they ended, and the idempotency keys they used."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import create_kernel_tables, identifier, micros, step_columns

revision = "order_0001"
down_revision = None


def upgrade() -> None:
    create_kernel_tables()
    op.create_table(
        "orders",
        sa.Column("order_id", identifier(), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
    )
    op.create_index("orders_of_customer", "orders", ["customer_id", "order_id"])
    op.create_table(
        "outcomes",
        *step_columns(),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason_code", sa.String(64)),
        sa.Column("reason_detail", sa.Text),
    )
    op.create_index("outcomes_by_status", "outcomes", ["status", "order_id"])
    op.create_table(
        "used_keys",
        sa.Column("idempotency_key", sa.String(128), primary_key=True),
        sa.Column("order_id", identifier(), nullable=False),
    )
