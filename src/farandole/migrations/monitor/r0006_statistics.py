"""Statistics: what happens and how long it takes, a row for each ten seconds and series."""

import sqlalchemy as sa
from alembic import op

revision = "monitor_0006"
down_revision = "monitor_0005"


def upgrade() -> None:
    op.create_table(
        "statistics",
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("series", sa.String(160), primary_key=True),
        sa.Column("taken", sa.Integer, nullable=False),
        *(sa.Column(f"bin_{place:02}", sa.Integer, nullable=False) for place in range(32)),
    )
