"""A page of a list is read along an index; where rows that do not fit lie between, it looks at a bounded number of rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from farandole.messaging.database import Relation, Transaction
from farandole.messaging.decision import Row

LOOKED_AT: Final = 20_000
"""Rows that a page looks at, at most, to find those that fit where no index holds just these."""

R = TypeVar("R", bound=Row)
T = TypeVar("T", bound=Row | sa.Row[Any])
Fits = Callable[[sa.FromClause], sa.ColumnElement[bool]]
"""Which of the rows that are looked at fit."""
Columns = Sequence[sa.ColumnElement[Any]]


class Way(NamedTuple):
    """Along the columns of an index in which no two rows are alike, from behind a place, among rows that the index holds together."""

    columns: Sequence[sa.Column[Any]]
    after: str | None
    newest_first: bool = True
    among: Sequence[sa.ColumnElement[bool]] = ()
    last: str | None = None
    """The last place that a page looks at, where it ends before all were."""

    def bounded(self, transaction: Transaction) -> "Way":
        """The same way, as far as a page looks."""
        places = self.over(sa.select(*self.columns)).offset(LOOKED_AT - 1).limit(1)
        last = transaction.connection.execute(places).first()
        return self._replace(last=None if last is None else self.place(last))

    def over(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        """A statement's rows in this order, those behind the place and up to the last."""
        return statement.where(*self.among, *self.between(self.columns)).order_by(*self.order(self.columns))

    def between(self, columns: Columns) -> Iterator[sa.ColumnElement[bool]]:
        """That the place which columns name, of this table or of another, is looked at."""
        here = sa.tuple_(*columns)
        if self.after is not None:
            there = self._literal(self.after)
            yield here < there if self.newest_first else here > there
        if self.last is not None:
            there = self._literal(self.last)
            yield here >= there if self.newest_first else here <= there

    def order(self, columns: Iterable[sa.ColumnElement[Any]]) -> Columns:
        return [column.desc() if self.newest_first else column.asc() for column in columns]

    def place(self, row: Row | sa.Row[Any]) -> str:
        return "/".join(str(getattr(row, column.name)) for column in self.columns)

    def _literal(self, place: str) -> sa.Tuple:
        texts = place.split("/")
        return sa.tuple_(*(sa.literal(text, c.type) for text, c in zip(texts, self.columns, strict=True)))


def page(
    transaction: Transaction, relation: Relation[R], way: Way, fits: Sequence[Fits], limit: int
) -> tuple[list[R], str | None]:
    """The next rows that fit, and the place behind which more may follow."""
    whole = sa.select(relation.table)
    if fits:
        way = way.bounded(transaction)
        (key,) = relation.table.primary_key.columns
        few = looked_at(whole, way)
        keys = first(sa.select(few.c[key.name]).where(*(fit(few) for fit in fits)), few, way, limit)
        statement = whole.where(key.in_(keys)).order_by(*way.order(way.columns))
    else:
        statement = way.over(whole).limit(limit + 1)
    return cut(transaction.fetch(relation, statement), way, limit)


def looked_at(statement: sa.Select[Any], way: Way) -> sa.Subquery:
    """The rows among which a page finds those that fit; the way is bounded, and newer rows may have come since."""
    return way.over(statement).limit(2 * LOOKED_AT).subquery("looked_at")


def first(statement: sa.Select[Any], few: sa.FromClause, way: Way, limit: int) -> sa.Select[Any]:
    """As many of a statement's rows as `cut` wants; a limit within a limit, for then no planner begins at the other end."""
    return statement.order_by(*way.order(few.c[column.name] for column in way.columns)).limit(limit + 1)


def cut(rows: list[T], way: Way, limit: int) -> tuple[list[T], str | None]:
    """A page of rows, of which one more was asked for, and the place behind which more may follow."""
    return (rows[:limit], way.place(rows[limit - 1])) if len(rows) > limit else (rows, way.last)
