"""How many orders wait for what, and their money, kept beside them: nobody counts a million rows to say it."""

import sqlalchemy as sa
from alembic import op

revision = "monitor_0008"
down_revision = "monitor_0007"
MOST = 10**12


def upgrade() -> None:
    op.create_table(
        "waiting_sums",
        sa.Column("service", sa.String(16), primary_key=True),
        sa.Column("heard", sa.String(64), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("orders", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    place = ("service", "heard", "currency")
    c = sa.table("waiting", *map(sa.column, (*place, "amount"))).c
    amount = sa.case((c.amount < MOST, c.amount), else_=0)
    sums = sa.select(c.service, c.heard, c.currency, sa.func.count(), sa.func.sum(amount))
    kept = sa.table("waiting_sums", *map(sa.column, (*place, "orders", "amount")))
    op.execute(sa.insert(kept).from_select([*place, "orders", "amount"], sums.group_by(c.service, c.heard, c.currency)))
