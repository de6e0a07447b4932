"""Which orders a page holds, newest first: read along an index, and of a bounded number of orders whatever the filter."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from farandole.http import paging
from farandole.messaging.database import Transaction
from farandole.services.order.domain import Status
from farandole.services.order.storage import orders, outcomes


class Wish(NamedTuple):
    """Orders in a status, of a customer, that follow an id, whose customer has an e-mail address; None: whatever."""

    status: str | None
    customer_id: str | None
    before: str | None
    email: str | None = None

    @property
    def sifted(self) -> bool:
        """Whether orders that do not fit lie between those that do, in every index."""
        ended_of_customer = self.status is not None and self.customer_id is not None
        return self.status == Status.PENDING or ended_of_customer or self.email is not None


def joined(*, inner: bool = False) -> sa.Select[Any]:
    """Orders beside their outcomes, if there are any; inner: only those that have one."""
    both = orders.join(outcomes, orders.c.order_id == outcomes.c.order_id, isouter=not inner)
    return sa.select(*orders.columns, *outcomes.columns).select_from(both)


def page(wish: Wish, limit: int, last: str | None) -> sa.Select[Any]:
    """The newest orders that fit, up to the last that is looked at."""
    if wish.sifted:
        return joined().where(orders.c.order_id.in_(_sifted(wish, limit, last))).order_by(orders.c.order_id.desc())
    ended = wish.status is not None
    order_id = outcomes.c.order_id if ended else orders.c.order_id
    statement = joined(inner=ended).order_by(order_id.desc()).limit(limit)
    if ended:
        statement = statement.where(outcomes.c.status == wish.status)
    if wish.customer_id is not None:
        statement = statement.where(orders.c.customer_id == wish.customer_id)
    return statement if wish.before is None else statement.where(order_id < wish.before)


def looked_up_to(transaction: Transaction, wish: Wish) -> str | None:
    """The last order that a page looks at, where it ends before all were."""
    if not wish.sifted:
        return None
    found = transaction.connection.scalar(_looked_at(wish).offset(paging.LOOKED_AT - 1).limit(1))
    return None if found is None else str(found)


def _looked_at(wish: Wish) -> sa.Select[Any]:
    statement = sa.select(orders.c.order_id).order_by(orders.c.order_id.desc())
    if wish.customer_id is not None:
        statement = statement.where(orders.c.customer_id == wish.customer_id)
    return statement if wish.before is None else statement.where(orders.c.order_id < wish.before)


def _sifted(wish: Wish, limit: int, last: str | None) -> sa.Select[Any]:
    """Ids among those that are looked at; a limit within a limit, for then no planner begins at the other end, and as few
    outcomes as orders, for then none reads them all."""
    looked_at = _looked_at(wish).add_columns(orders.c.customer).limit(2 * paging.LOOKED_AT)  # newer ones may have come
    if last is not None:
        looked_at = looked_at.where(orders.c.order_id >= last)
    few, ended = looked_at.subquery("looked_at"), sa.select(outcomes).where(*_between(wish, last)).subquery("ended")
    fits: list[sa.ColumnElement[bool]] = []
    if wish.email is not None:
        fits.append(_has(few.c.customer, wish.email))
    if wish.status is not None:
        pending = wish.status == Status.PENDING
        fits.append(ended.c.order_id.is_(None) if pending else ended.c.status == wish.status)
    both = few.join(ended, few.c.order_id == ended.c.order_id, isouter=True)
    return sa.select(few.c.order_id).select_from(both).where(*fits).order_by(few.c.order_id.desc()).limit(limit)


def _between(wish: Wish, last: str | None) -> Iterator[sa.ColumnElement[bool]]:
    if last is not None:
        yield outcomes.c.order_id >= last
    if wish.before is not None:
        yield outcomes.c.order_id < wish.before


def _has(customer: sa.ColumnElement[Any], email: str) -> sa.ColumnElement[bool]:
    """Whether the JSON of a customer has this address, in any case; in its other texts a quotation mark is escaped."""
    wanted = re.sub("[/%_]", r"/\g<0>", '"email":' + msgspec.json.encode(email).decode())
    return sa.func.lower(sa.cast(customer, sa.Text)).contains(sa.func.lower(wanted), escape="/")
