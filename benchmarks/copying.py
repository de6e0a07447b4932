"""Many orders out of few: the rows of orders that were placed are copied under other ids, at times spread over the day before."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from farandole.contract import events
from farandole.messaging.database import Database, Relation, Transaction
from farandole.messaging.database.relation import Id, Micros
from farandole.messaging.decision import Row
from farandole.monitor.storage import recorded
from farandole.services.inventory.storage import releases, reservations
from farandole.services.notification.storage import messages, notices
from farandole.services.order.storage import orders, outcomes
from farandole.services.payment.storage import payments

DAY_MS: Final = 86_400_000
AT_ONCE: Final = 20_000
"""Copies of orders in one transaction."""
PLACES: Final = {
    "order": (orders, outcomes),
    "inventory": (reservations, releases),
    "payment": (payments,),
    "notification": (notices, messages),
    "monitor": (recorded,),
}
"""Where every step of an order left a row."""
_NAMING_IT: Final = ("value", "body", "subject")
"""Columns whose text names the order."""


class Copy(Row, frozen=True):
    """An order to be made of another one: so many microseconds earlier, `mark` begins the ids of its events."""

    order_id: str
    original: str
    mark: str
    earlier: int


_TABLE: Final = sa.Table(
    "copies",
    sa.MetaData(),
    sa.Column("order_id", Id, primary_key=True),
    sa.Column("original", Id, nullable=False),
    sa.Column("mark", sa.String(4), nullable=False),
    sa.Column("earlier", Micros, nullable=False),
)
_COPIES: Final = Relation(Copy, _TABLE)


Copies = Iterable[Copy]


def copies(originals: Sequence[str], numbers: range) -> Iterator[Copy]:
    """A copy of each order for each number, evenly over a day, the newest first."""
    for place, number in enumerate(numbers):
        for turn, original in enumerate(originals, 1):
            earlier = DAY_MS * (place * len(originals) + turn) // (len(numbers) * len(originals))
            mark = f"{number:04x}"
            yield Copy(_earlier(original, earlier, mark), original, mark, earlier * 1000)


def _earlier(order_id: str, millis: int, mark: str) -> str:
    """The id (a UUID of version 7) that an order placed so much earlier might have, ending with a mark."""
    digits = f"{int(order_id[:8] + order_id[9:13], 16) - millis:012x}"
    return f"{digits[:8]}-{digits[8:]}{order_id[13:-4]}{mark}"


def copy(database: Database, tables: Sequence[sa.Table], made: Copies, *, begun: bool = False) -> None:
    """Copy the rows that some tables have of the originals; begun: only what leads up to their payment."""
    wanted = iter(made)
    while some := list(islice(wanted, AT_ONCE)):
        with database.writing() as transaction:
            _unhurried(transaction)
            _TABLE.create(transaction.connection)
            transaction.insert(_COPIES, some)
            for table in tables:
                transaction.connection.execute(_insert(table, begun=begun))
            _TABLE.drop(transaction.connection)


def _unhurried(transaction: Transaction) -> None:
    """More memory and time than a service takes for itself."""
    sqlite = transaction.connection.dialect.name == "sqlite"
    transaction.connection.exec_driver_sql(
        "PRAGMA cache_size = -400000" if sqlite else "SET LOCAL statement_timeout = 0"
    )


def _insert(table: sa.Table, *, begun: bool) -> sa.Insert:
    rows = sa.select(*map(_copied, table.columns)).join_from(table, _TABLE, table.c.order_id == _TABLE.c.original)
    if begun and table is recorded:
        rows = rows.where(table.c.said.in_((events.OrderPlaced.topic, events.OrderValidated.topic)))
    return sa.insert(table).from_select(table.columns.keys(), rows)


def _copied(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if column.name == "order_id":
        return _TABLE.c.order_id
    if column.type is Id:
        text = sa.cast(column, sa.Text)  # of version 8, else a copy might be an original that begins like it
        return sa.cast(_TABLE.c.mark + sa.func.substr(text, 5, 10) + "8" + sa.func.substr(text, 16), Id)
    if column.type is Micros:
        return column - _TABLE.c.earlier
    if column.name in _NAMING_IT:
        return sa.func.replace(column, *(sa.cast(name, sa.Text) for name in (_TABLE.c.original, _TABLE.c.order_id)))
    return column
