"""What an order leaves in the databases: the rows that prove its steps, and nothing of the work that led there."""

from collections import Counter
from functools import partial

import pytest
import sqlalchemy as sa

from farandole.messaging.database import Transaction
from farandole.messaging.kernel_tables import KERNEL
from farandole.monitor.storage import BALANCES
from farandole.runtime.wiring import NAMES, STORAGES
from tests.behaviour.house import House
from tests.performance.orders import FLOWS, fold, place

# fmt: off
ROWS = {
    "happy": {
        "order.orders": 1, "order.used_keys": 1, "order.outcomes": 1,
        "inventory.reservations": 1,
        "payment.payments": 1,
        "notification.notices": 1, "notification.messages": 2,
        "monitor.recorded": 5,
    },
    "payment-failure": {
        "order.orders": 1, "order.used_keys": 1, "order.outcomes": 1,
        "inventory.reservations": 1, "inventory.releases": 1,
        "payment.payments": 1,
        "notification.notices": 1, "notification.messages": 2,
        "monitor.recorded": 6,
    },
    "stock-failure": {
        "order.orders": 1, "order.used_keys": 1, "order.outcomes": 1,
        "inventory.reservations": 1,
        "notification.notices": 1, "notification.messages": 2,
        "monitor.recorded": 4,
    },
}
"""Of one order, by service and table; every other table stays as it was, but for those of which `UNCOUNTED` tells."""

STORED = {
    "sqlite":     {"order": 850, "inventory": 380, "payment": 280, "notification": 960, "monitor": 2650},
    "postgresql": {"order": 489, "inventory": 270, "payment": 184, "notification": 515, "monitor": 1860},
}
"""Bytes of one happy order with its part of what orders share: on SQLite pages, indexes among them and so not to the byte,
on PostgreSQL rows alone."""
# fmt: on

MANY = 10
UNCOUNTED = (KERNEL.offsets.name, BALANCES.name)
"""A row a partition, and a row a figure of the ledger, however many orders there are."""


@pytest.mark.parametrize("which", FLOWS)
def test_an_order_leaves_the_rows_that_prove_its_steps(workbench: House, which: str) -> None:
    fold(workbench)
    before = _rows(workbench)
    place(workbench, MANY, which)
    workbench.settle()
    fold(workbench)
    assert _rows(workbench) == before + Counter({table: MANY * count for table, count in ROWS[which].items()})


def test_work_that_is_done_leaves_no_rows(house: House) -> None:
    for _ in range(3):
        for which in FLOWS:
            place(house, MANY, which)
        house.settle()
    heard = {partition for partition, end in house.ground.ends().items() if end}
    for name in NAMES:
        assert house.rows(name, KERNEL.outbox) == []
        offsets = {row.key for row in house.rows(name, KERNEL.offsets)}
        assert offsets == {partition for partition in heard if partition.topic in house.services[name].topics}


def test_an_order_takes_no_more_room_than_it_did(workbench: House) -> None:
    kind = workbench.read("order", _kind)
    before = {name: workbench.read(name, _stored) for name in NAMES}
    place(workbench, 300)
    workbench.settle()
    fold(workbench)
    taken = {name: (workbench.read(name, _stored) - before[name]) / 300 for name in NAMES}
    assert {name: size for name, size in taken.items() if not 0 < size <= STORED[kind][name]} == {}


def _rows(house: House) -> Counter[str]:
    """Rows by service and table, but for those that orders share."""
    rows = Counter[str]()
    for name in NAMES:
        for table in STORAGES[name].METADATA.tables.values():
            if table.name not in UNCOUNTED:
                rows[f"{name}.{table.name}"] = house.read(name, partial(_count, table))
    return rows


def _count(table: sa.Table, transaction: Transaction) -> int:
    return transaction.connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _kind(transaction: Transaction) -> str:
    return transaction.connection.dialect.name


def _stored(transaction: Transaction) -> int:
    """Bytes that a database's rows take."""
    ask = transaction.connection.exec_driver_sql
    if _kind(transaction) == "sqlite":
        pages, free, size = (
            int(ask(f"PRAGMA {name}").scalar_one()) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    tables = ask("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").all()
    sizes = (f"SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM {name} t" for (name,) in tables)
    return sum(int(ask(size).scalar_one()) for size in sizes)
