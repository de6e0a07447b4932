"""The monitor's tables, and the working set of a batch."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from farandole.contract import events
from farandole.messaging.database import Relation, Transaction
from farandole.messaging.database.relation import Id, Json, Micros
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.kernel_tables import service_metadata
from farandole.monitor.domain import Received, Recorded, Timeline
from farandole.monitor.ledger_rows import Balance, Entry, ledger_tables
from farandole.monitor.statistics_rows import statistics_tables
from farandole.monitor.waiting_rows import Swept, Waiting, waiting_tables

METADATA: Final = service_metadata()

recorded = sa.Table(
    "recorded",
    METADATA,
    sa.Column("event_id", Id, primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("order_id", Id, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("service", sa.String(16), nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("heard", sa.String(64)),
    sa.Column("said", sa.String(64)),
    sa.Column("decided_at", Micros, nullable=False),
    sa.Column("causation", Id),
    sa.Column("recorded_at", Micros, nullable=False),
    sa.Column("value", Json, nullable=False),
    sa.Column("landed_at", Micros),
    sa.Column("repeats", sa.Integer),
    sa.UniqueConstraint("order_id", "number", name="one_step_a_number"),
    sa.Index(
        "first_recorded", "recorded_at", postgresql_where=sa.text("number = 1"), sqlite_where=sa.text("number = 1")
    ),
)
received = sa.Table(
    "received",
    METADATA,
    sa.Column("event_id", Id, primary_key=True),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("decided_at", Micros, nullable=False),
)
waiting, swept, waiting_sums = waiting_tables(METADATA)
statistics, statistics_wide = statistics_tables(METADATA)
entries, balances = ledger_tables(METADATA)

RECORDED: Final = Relation(Recorded, recorded)
RECEIVED: Final = Relation(Received, received)
WAITING: Final = Relation(Waiting, waiting)
SWEPT: Final = Relation(Swept, swept)
ENTRIES: Final = Relation(Entry, entries)
BALANCES: Final = Relation(Balance, balances)
RELATIONS: Final = (RECORDED, RECEIVED, ENTRIES)


def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
    """What is recorded of the orders of a batch, and the receipts it repeats."""
    rows = Rows()
    orders = {heard.event.order_id for heard in batch if isinstance(heard.event, events.OrderEvent)}
    receipts = {heard.cause.id for heard in batch if isinstance(heard.event, events.StockReceived)}
    recorded_before, received_before = (
        transaction.ask(RECORDED, orders, by="order_id"),
        transaction.ask(RECEIVED, receipts),
    )
    known = recorded_before()
    rows.load(known)
    rows.load(received_before())
    rows.load(_timelines(known))
    return rows


def _timelines(known: Iterable[Recorded]) -> list[Timeline]:
    steps, placed = defaultdict(set), {}
    for row in known:
        steps[row.order_id].add((row.service, row.step, row.heard))
        if row.said == events.OrderPlaced.topic:
            placed[row.order_id] = row.value
    return [Timeline(order_id, frozenset(taken), placed.get(order_id)) for order_id, taken in steps.items()]
