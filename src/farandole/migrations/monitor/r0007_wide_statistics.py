"""Statistics once more, a row for each two minutes and series, so that a day is read from few rows."""

import sqlalchemy as sa
from alembic import op

revision = "monitor_0007"
down_revision = "monitor_0006"


def upgrade() -> None:
    counts = ("taken", *(f"bin_{place:02}" for place in range(32)))
    op.create_table(
        "statistics_wide",
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("series", sa.String(160), primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
    )
    narrow = sa.table("statistics", *map(sa.column, ("since", "series", *counts)))
    c = narrow.c
    since = c.since - c.since % sa.literal_column("120")
    sums = sa.select(since, c.series, *(sa.func.sum(c[name]) for name in counts)).group_by(since, c.series)
    wide = sa.table("statistics_wide", *map(sa.column, ("since", "series", *counts)))
    op.execute(sa.insert(wide).from_select(["since", "series", *counts], sums))
