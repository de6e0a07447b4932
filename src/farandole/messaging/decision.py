"""A handler is a pure, repeatable decision: `(rows, heard) -> Decision`; no I/O, no clock, no randomness."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from farandole.messaging.envelope import Cause, Event, Heard


class Row(msgspec.Struct, frozen=True):
    """What a service keeps: one row of one table, the first field being its key unless `key` says otherwise."""

    @property
    def key(self) -> Hashable:
        key: Hashable = getattr(self, self.__struct_fields__[0])
        return key


class Guard(Protocol):
    """The write-once row that proves a step was taken and from which its answer is rendered, every time."""

    @property
    def key(self) -> Hashable: ...
    @property
    def cause(self) -> Cause: ...
    @property
    def decided_at(self) -> int: ...


R = TypeVar("R", bound=Row)


class Rows:
    """The working set of a batch: rows by kind and key; later events see what earlier ones decided."""

    def __init__(self) -> None:
        self._rows: dict[type[Row], dict[Hashable, Row]] = {}
        self._stored: set[tuple[type[Row], Hashable]] = set()
        self._changed: dict[type[Row], dict[Hashable, Row]] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Add rows as the database has them."""
        for row in rows:
            self._rows.setdefault(type(row), {})[row.key] = row
            self._stored.add((type(row), row.key))

    def get(self, kind: type[R], key: Hashable) -> R | None:
        return self._rows.get(kind, {}).get(key)  # type: ignore[return-value]  # rows are filed under their own kind

    def put(self, row: Row) -> bool:
        """Take a decided row, and whether it must be written; the very row that is here already needs none."""
        rows = self._rows.setdefault(type(row), {})
        if rows.get(row.key) is row:
            return False
        rows[row.key] = row
        self._changed.setdefault(type(row), {})[row.key] = row
        return True

    def changes(self) -> Iterator[tuple[type[Row], list[Row], list[Row]]]:
        """Per kind, in the order of first decision: the rows to insert and the rows to update, in key order."""
        for kind, rows in self._changed.items():
            ordered = [rows[key] for key in sorted(rows)]  # type: ignore[type-var]  # keys of one kind compare
            new = [row for row in ordered if (kind, row.key) not in self._stored]
            yield kind, new, [row for row in ordered if (kind, row.key) in self._stored]


class Decision(NamedTuple):
    """What a step decided: its guard row, the event it answers with (None: it is silent), and other rows it moves."""

    guard: Guard
    says: Event | None = None
    rows: tuple[Row, ...] = ()


Handler = Callable[[Rows, Heard[Any]], Decision]
