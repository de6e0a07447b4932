"""When the transport took a record, and how often it was said again; unknown of what was recorded before."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import micros

revision = "monitor_0003"
down_revision = "monitor_0002b"


def upgrade() -> None:
    op.add_column("recorded", sa.Column("landed_at", micros()))
    op.add_column("recorded", sa.Column("repeats", sa.Integer))
