"""What the monitor keeps of orders that take longer than usual, and how far it has looked for them."""

import sqlalchemy as sa

from farandole.messaging.database.relation import Id, Micros
from farandole.messaging.decision import Row


class Waiting(Row, frozen=True):
    """An order that was not over when looked at: since when it waits for which service to hear what; its total is 0 in no
    currency when it was never heard to be placed."""

    order_id: str
    since: int
    service: str
    heard: str
    currency: str
    amount: int


class Swept(Row, frozen=True):
    """Up to when first steps were recorded of the orders that were looked at."""

    name: str
    until: int


def waiting_tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table]:
    waiting = sa.Table(
        "waiting",
        metadata,
        sa.Column("order_id", Id, primary_key=True),
        sa.Column("since", Micros, nullable=False),
        sa.Column("service", sa.String(16), nullable=False),
        sa.Column("heard", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Index("waiting_longest", "service", "heard", "since", "order_id"),
    )
    swept = sa.Table(
        "swept",
        metadata,
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("until", Micros, nullable=False),
    )
    sums = sa.Table(
        "waiting_sums",
        metadata,
        sa.Column("service", sa.String(16), primary_key=True),
        sa.Column("heard", sa.String(64), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("orders", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    return waiting, swept, sums
