"""Stock, and what moved it: reservations, releases and receipts."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import create_kernel_tables, identifier, micros, step_columns

revision = "inventory_0001"
down_revision = None


def upgrade() -> None:
    create_kernel_tables()
    op.create_table(
        "stock",
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("available", sa.BigInteger, sa.CheckConstraint("available >= 0"), nullable=False),
        sa.Column("reserved", sa.BigInteger, sa.CheckConstraint("reserved >= 0"), nullable=False),
    )
    op.create_table(
        "reservations",
        *step_columns(),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("short", sa.Text, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.String(32), nullable=False),
    )
    op.create_table(
        "releases",
        *step_columns(),
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", identifier(), primary_key=True),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
    )
