"""Payments."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import create_kernel_tables, step_columns

revision = "payment_0001"
down_revision = None


def upgrade() -> None:
    create_kernel_tables()
    op.create_table(
        "payments",
        *step_columns(),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("reason_code", sa.String(64)),
        sa.Column("reason_detail", sa.Text),
    )
