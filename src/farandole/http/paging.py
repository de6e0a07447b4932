"""A page of a list is read along an index; where rows that do not fit lie between, it looks at a bounded number of rows."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from farandole.messaging.database import Relation, Transaction
from farandole.messaging.decision import Row

LOOKED_AT: Final = 20_000
"""Rows that a page looks at, at most, to find those that fit where no index holds just these."""

R = TypeVar("R", bound=Row)
Fits = Callable[[sa.FromClause], sa.ColumnElement[bool]]
"""Which of the rows that are looked at fit."""
Columns = Sequence[sa.ColumnElement[Any]]


class Way(NamedTuple):
    """Along the columns of an index in which no two rows are alike, from behind a place, among rows that the index holds together."""

    columns: Sequence[sa.Column[Any]]
    after: str | None
    newest_first: bool = True
    among: Sequence[sa.ColumnElement[bool]] = ()

    def over(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        """A statement's rows in this order, those behind the place."""
        statement = statement.where(*self.among).order_by(*self.order(self.columns))
        return statement if self.after is None else statement.where(self.behind(self.after))

    def behind(self, place: str) -> sa.ColumnElement[bool]:
        here, texts = sa.tuple_(*self.columns), place.split("/")
        there = sa.tuple_(*(sa.literal(text, c.type) for text, c in zip(texts, self.columns, strict=True)))
        return here < there if self.newest_first else here > there

    def order(self, columns: Iterable[sa.ColumnElement[Any]]) -> Columns:
        return [column.desc() if self.newest_first else column.asc() for column in columns]

    def place(self, row: Row | sa.Row[Any]) -> str:
        return "/".join(str(getattr(row, column.name)) for column in self.columns)


def page(
    transaction: Transaction, relation: Relation[R], way: Way, fits: Sequence[Fits], limit: int
) -> tuple[list[R], str | None]:
    """The next rows that fit, and the place behind which more may follow."""
    whole = sa.select(relation.table)
    statement = way.over(whole).limit(limit + 1)
    if fits:
        (key,) = relation.table.primary_key.columns
        statement = whole.where(key.in_(_fitting(statement.limit(LOOKED_AT), key.name, way, fits).limit(limit + 1)))
        statement = statement.order_by(*way.order(way.columns))
    rows = transaction.fetch(relation, statement)
    if len(rows) > limit:
        return rows[:limit], way.place(rows[limit - 1])
    return rows, _looked_up_to(transaction, way, way.place(rows[-1]) if rows else None) if fits else None


def _looked_up_to(transaction: Transaction, way: Way, held: str | None) -> str | None:
    """The last place that was looked at, where not all were; never before one that the page holds: newer rows may have come since."""
    behind = sa.true() if held is None else way.behind(held)
    statement = way.over(sa.select(*way.columns, behind.label("behind"))).offset(LOOKED_AT - 1).limit(1)
    last = transaction.connection.execute(statement).first()
    if last is None:
        return None
    return way.place(last) if last.behind else held


def _fitting(looked_at: sa.Select[Any], key: str, way: Way, fits: Sequence[Fits]) -> sa.Select[Any]:
    """The keys of those that fit; a limit within a limit, for then no planner begins at the other end."""
    few = looked_at.subquery("looked_at")
    order = way.order(few.c[column.name] for column in way.columns)
    return sa.select(few.c[key]).where(*(fit(few) for fit in fits)).order_by(*order)
