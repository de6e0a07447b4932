"""The ledger: what each batch booked, and balances, with everything that was recorded before."""

import sqlalchemy as sa
from alembic import op

from farandole.migrations.columns import identifier

revision = "monitor_0005"
down_revision = "monitor_0004"


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("event_id", identifier(), primary_key=True),
        sa.Column("account", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_balances",
        sa.Column("account", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
    )
    _book_what_is_recorded()


def _book_what_is_recorded() -> None:
    from farandole.monitor.ledger import booked_before

    rows = [{"account": account, "name": name, "units": units} for account, name, units in booked_before(op.get_bind())]
    if rows:
        names = ("account", "name", "units")
        op.get_bind().execute(sa.insert(sa.table("ledger_balances", *map(sa.column, names))), rows)
