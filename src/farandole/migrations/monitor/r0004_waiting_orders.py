"""Orders that take longer than usual, found along an index of the first step that was recorded of each."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import identifier, micros

revision = "monitor_0004"
down_revision = "monitor_0003"


def upgrade() -> None:
    first = sa.text("number = 1")
    op.create_index("first_recorded", "recorded", ["recorded_at"], postgresql_where=first, sqlite_where=first)
    op.create_table(
        "waiting",
        sa.Column("order_id", identifier(), primary_key=True),
        sa.Column("since", micros(), nullable=False),
        sa.Column("service", sa.String(16), nullable=False),
        sa.Column("heard", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_index("waiting_longest", "waiting", ["service", "heard", "since", "order_id"])
    op.create_table(
        "swept",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("until", micros(), nullable=False),
    )
