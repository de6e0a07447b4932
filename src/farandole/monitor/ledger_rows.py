"""The ledger's tables: what each batch booked, and the balances that it is folded into."""

import sqlalchemy as sa

from farandole.messaging.database.relation import Id
from farandole.messaging.decision import Row


class Entry(Row, frozen=True):
    """What one batch booked on one account, of one SKU, currency or outcome; `event_id` is the first event that did.

    Within a batch entries are told by account and name, so there is one of each, however many events it heard."""

    event_id: str
    account: str
    name: str
    units: int

    @property
    def key(self) -> tuple[str, str]:
        return self.account, self.name


class Balance(Row, frozen=True):
    """The sum of every entry that is folded."""

    account: str
    name: str
    units: int

    @property
    def key(self) -> tuple[str, str]:
        return self.account, self.name


def ledger_tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table]:
    entries = sa.Table(
        "ledger_entries",
        metadata,
        sa.Column("event_id", Id, primary_key=True),
        sa.Column("account", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
    )
    balances = sa.Table(
        "ledger_balances",
        metadata,
        sa.Column("account", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
    )
    return entries, balances
