"""Which orders a page holds, newest first: read along an index, and of a bounded number of orders whatever the filter."""

import re
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from farandole.http import paging
from farandole.http.paging import Way
from farandole.messaging.database import Transaction
from farandole.services.order.domain import Status
from farandole.services.order.storage import orders, outcomes


class Wish(NamedTuple):
    """Orders in a status, of a customer, behind a place, whose customer has an e-mail address; None: whatever."""

    status: str | None
    customer_id: str | None
    after: str | None
    email: str | None = None

    @property
    def sifted(self) -> bool:
        """Whether orders that do not fit lie between those that do, in every index."""
        ended_of_customer = self.status is not None and self.customer_id is not None
        return self.status == Status.PENDING or ended_of_customer or self.email is not None

    @property
    def way(self) -> Way:
        """Along the orders, or along the outcomes of one status."""
        if self.status is not None and not self.sifted:
            return Way((outcomes.c.order_id,), self.after, among=(outcomes.c.status == self.status,))
        of_customer = () if self.customer_id is None else (orders.c.customer_id == self.customer_id,)
        return Way((orders.c.order_id,), self.after, among=of_customer)


def joined(*, inner: bool = False) -> sa.Select[Any]:
    """Orders beside their outcomes, if there are any; inner: only those that have one."""
    both = orders.join(outcomes, orders.c.order_id == outcomes.c.order_id, isouter=not inner)
    return sa.select(*orders.columns, *outcomes.columns).select_from(both)


def page(transaction: Transaction, wish: Wish, limit: int) -> tuple[list[sa.Row[Any]], str | None]:
    """The next orders that fit beside their outcomes, and the place behind which more may follow."""
    way = wish.way
    if wish.sifted:
        way = way.bounded(transaction)
        statement = joined().where(orders.c.order_id.in_(_sifted(wish, way, limit))).order_by(*way.order(way.columns))
    else:
        statement = way.over(joined(inner=wish.status is not None)).limit(limit + 1)
    return paging.cut(list(transaction.connection.execute(statement)), way, limit)


def _sifted(wish: Wish, way: Way, limit: int) -> sa.Select[Any]:
    """Ids among those that are looked at, beside as few outcomes as orders, for then no planner reads them all."""
    few = paging.looked_at(sa.select(orders.c.order_id, orders.c.customer), way)
    ended = sa.select(outcomes).where(*way.between((outcomes.c.order_id,))).subquery("ended")
    fits: list[sa.ColumnElement[bool]] = []
    if wish.email is not None:
        fits.append(_has(few.c.customer, wish.email))
    if wish.status is not None:
        pending = wish.status == Status.PENDING
        fits.append(ended.c.order_id.is_(None) if pending else ended.c.status == wish.status)
    both = few.join(ended, few.c.order_id == ended.c.order_id, isouter=True)
    return paging.first(sa.select(few.c.order_id).select_from(both).where(*fits), few, way, limit)


def _has(customer: sa.ColumnElement[Any], email: str) -> sa.ColumnElement[bool]:
    """Whether the JSON of a customer has this address, in any case; in its other texts a quotation mark is escaped."""
    wanted = re.sub("[/%_]", r"/\g<0>", '"email":' + msgspec.json.encode(email).decode())
    return sa.func.lower(sa.cast(customer, sa.Text)).contains(sa.func.lower(wanted), escape="/")
