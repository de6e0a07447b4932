"""A relation ties a kind of row to its table: same fields, same order, values the driver takes as they are."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, get_type_hints

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from farandole.messaging.decision import Row

R = TypeVar("R", bound=Row, covariant=True)

Id = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
"""A UUID, as text in Python."""
Json = sa.Text()
"""A JSON document, kept as the bytes that were encoded."""
Micros = sa.BigInteger()
"""Microseconds since 1970 in UTC."""


def step_columns() -> list[sa.Column[Any]]:
    """The columns of a row that proves a step: its key, and what it answered when."""
    return [
        sa.Column("order_id", Id, primary_key=True),
        sa.Column("cause_id", Id, nullable=False),
        sa.Column("cause_digest", sa.String(32), nullable=False),
        sa.Column("decided_at", Micros, nullable=False),
    ]


_PLAIN = (str, int, bytes, str | None, int | None, bytes | None, bool)


class Relation(Generic[R]):
    """Turns rows of one kind into tuples of one table and back; other than plain fields are kept as JSON text."""

    def __init__(self, kind: type[R], table: sa.Table) -> None:
        fields, columns = list(kind.__struct_fields__), [column.name for column in table.columns]
        if fields != columns:
            raise TypeError(f"{kind.__name__}: expected the columns {fields}, found {columns}")
        self.kind, self.table, self.name = kind, table, str(table.name)
        self.columns = tuple(columns)
        self.keys = tuple(column.name for column in table.primary_key.columns)
        self.rest = tuple(column for column in columns if column not in self.keys)
        types = get_type_hints(kind)
        self._json = {
            place: msgspec.json.Decoder(types[name]) for place, name in enumerate(fields) if types[name] not in _PLAIN
        }
        self._encode = msgspec.json.Encoder().encode

    def values(self, row: Row) -> tuple[Any, ...]:
        """The tuple that is written."""
        values = msgspec.structs.astuple(row)
        if not self._json:
            return values
        changed = list(values)
        for place in self._json:
            changed[place] = self._encode(changed[place]).decode()
        return tuple(changed)

    def row(self, values: Sequence[Any]) -> R:
        """The row that was written."""
        if not self._json:
            return self.kind(*values)
        changed = list(values)
        for place, decoder in self._json.items():
            changed[place] = decoder.decode(changed[place])
        return self.kind(*changed)

    def sql_type(self, column: str) -> str:
        """The column's type as PostgreSQL spells it, without a length: a cast to one would cut."""
        kind: str = self.table.columns[column].type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
        return kind.partition("(")[0]
