"""The inventory's tables, and the working set of a batch: own rows first, then stock under lock in SKU order."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from farandole.contract import events
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.database.relation import Id, Json, Micros, step_columns
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.kernel_tables import service_metadata
from farandole.services.inventory.domain import Receipt, ReceiveStock, Release, Reservation, Stock

METADATA: Final = service_metadata()

stock = sa.Table(
    "stock",
    METADATA,
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("available", sa.BigInteger, sa.CheckConstraint("available >= 0"), nullable=False),
    sa.Column("reserved", sa.BigInteger, sa.CheckConstraint("reserved >= 0"), nullable=False),
    postgresql_with={"fillfactor": 50},  # a changed row stays on its page
)
reservations = sa.Table(
    "reservations",
    METADATA,
    *step_columns(),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("lines", Json, nullable=False),
    sa.Column("short", Json, nullable=False),
    sa.Column("customer", Json, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.String(32), nullable=False),
)
releases = sa.Table(
    "releases",
    METADATA,
    *step_columns(),
)
receipts = sa.Table(
    "receipts",
    METADATA,
    sa.Column("receipt_id", Id, primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("decided_at", Micros, nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
)

STOCK: Final = Relation(Stock, stock)
RESERVATIONS: Final = Relation(Reservation, reservations)
RELEASES: Final = Relation(Release, releases)
RECEIPTS: Final = Relation(Receipt, receipts)
RELATIONS: Final = (RESERVATIONS, RELEASES, RECEIPTS, STOCK)


def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
    """The reservations, releases and receipts of a batch, and under one lock in SKU order the stock that it may move."""
    heard = [h.event for h in batch]
    ids = {e.order_id for e in heard if isinstance(e, events.OrderEvent)}
    failed = {e.order_id for e in heard if isinstance(e, events.PaymentFailed)}
    arrived = [e for e in heard if isinstance(e, ReceiveStock)]
    reservations = transaction.ask(RESERVATIONS, ids)
    own = (transaction.ask(RELEASES, failed), transaction.ask(RECEIPTS, (e.receipt_id for e in arrived)))
    skus = {e.sku for e in arrived} | {line.sku for e in heard if isinstance(e, events.OrderPlaced) for line in e.lines}
    if failed:
        skus |= {line.sku for r in reservations() if r.order_id in failed for line in r.lines}
    stock = transaction.ask(STOCK, skus, lock=True)
    rows = Rows()
    for answer in (reservations, *own, stock):
        rows.load(answer())
    return rows
