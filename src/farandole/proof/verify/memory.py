"""A database of dictionaries: what a transaction reads and writes, unique keys enforced, nothing of SQL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from farandole.messaging.database import Relation, Transaction
from farandole.messaging.decision import Row
from farandole.messaging.failure import Conflict

R = TypeVar("R", bound=Row)
Values = tuple[Any, ...]
Kept = tuple[str, Values]
"""A row as it is stored: the name of its table, and its columns."""
Tables = dict[str, dict[Values, Values]]
NOTHING: Final[frozenset[Kept]] = frozenset()


class Memory(Transaction):
    """One transaction over stored rows; `looked`: what it does not lock it saw as it was before, when others had not
    committed yet."""

    def __init__(
        self, relations: Sequence[Relation[Any]], kept: Iterable[Kept], looked: Iterable[Kept] | None = None
    ) -> None:
        self._relations: Mapping[str, Relation[Any]] = {relation.name: relation for relation in relations}
        self._tables = self._filed(kept)
        self._seen = self._tables if looked is None else self._filed(looked)

    def _filed(self, kept: Iterable[Kept]) -> Tables:
        tables: Tables = {name: {} for name in self._relations}
        for name, values in kept:
            tables[name][self._key(name, values)] = values
        return tables

    @property
    def kept(self) -> frozenset[Kept]:
        """Every row there is now."""
        return frozenset((name, values) for name, table in self._tables.items() for values in table.values())

    @property
    def connection(self) -> sa.Connection:
        raise NotImplementedError("expected a decision that asks for rows, found a statement of its own")

    def settle(self) -> None:
        return

    def ask(
        self, relation: Relation[R], keys: Iterable[str], *, by: str = "", lock: bool = False
    ) -> Callable[[], list[R]]:
        place, wanted = relation.columns.index(by or relation.keys[0]), set(keys)
        table = (self._tables if lock else self._seen)[relation.name]
        found = sorted((key, values) for key, values in table.items() if values[place] in wanted)
        return lambda: [relation.row(values) for _, values in found]

    def all(self, relation: Relation[R]) -> list[R]:
        return [relation.row(values) for _, values in sorted(self._tables[relation.name].items())]

    def insert(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        table = self._tables[relation.name]
        for values in map(relation.values, rows):
            for place in _unique(relation):
                taken = _at(values, place)
                if any(_at(other, place) == taken for other in table.values()):
                    raise Conflict(f"{relation.name}: {taken} is there already")
            table[self._key(relation.name, values)] = values

    def update(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        for values in map(relation.values, rows):
            self._tables[relation.name][self._key(relation.name, values)] = values

    def advance(self, relation: Relation[Any], rows: Sequence[Row]) -> None:
        table = self._tables[relation.name]
        for values in map(relation.values, rows):
            key = self._key(relation.name, values)
            table[key] = tuple(map(max, values, table.get(key, values)))

    def delete(self, relation: Relation[Any], keys: Sequence[str]) -> None:
        for key in keys:
            self._tables[relation.name].pop((key,), None)

    def _key(self, name: str, values: Values) -> Values:
        relation = self._relations[name]
        return _at(values, tuple(map(relation.columns.index, relation.keys)))


@cache
def _unique(relation: Relation[Any]) -> tuple[tuple[int, ...], ...]:
    """The columns, by place, that no two rows may share: the primary key and every unique constraint."""
    constraints = [c for c in relation.table.constraints if isinstance(c, sa.UniqueConstraint)]
    names = [relation.keys, *([column.name for column in constraint.columns] for constraint in constraints)]
    return tuple(tuple(map(relation.columns.index, some)) for some in names)


def _at(values: Values, places: tuple[int, ...]) -> Values:
    return tuple(values[place] for place in places)
