"""A handler is a pure, repeatable decision: `(rows, heard) -> Decision`; no I/O, no clock, no randomness."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from farandole.messaging.envelope import Cause, Event, Heard


class Row(msgspec.Struct, frozen=True):
    """What a service keeps: one row of one table, the first field being its key unless `key` says otherwise."""

    @property
    def key(self) -> Hashable:
        key: Hashable = _first(type(self))(self)
        return key


@cache
def _first(kind: type[Row]) -> Callable[[Row], Any]:
    return attrgetter(kind.__struct_fields__[0])


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
        self._stored: dict[type[Row], dict[Hashable, Row]] = {}
        self._changed: dict[type[Row], dict[Hashable, Row]] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Add rows as the database has them."""
        for row in rows:
            self._stored.setdefault(type(row), {})[row.key] = row

    def get(self, kind: type[R], key: Hashable) -> R | None:
        # Rows are filed under their own kind.
        return self._changed.get(kind, _NONE).get(key) or self._stored.get(kind, _NONE).get(key)  # type: ignore[return-value]

    def stored(self, row: Row) -> Row | None:
        """The row with the same key, as the database has it."""
        return self._stored.get(type(row), _NONE).get(row.key)

    def put(self, row: Row) -> bool:
        """Take a decided row, and whether it must be written; the very row that is here already needs none."""
        kind, key = type(row), row.key
        if self.get(kind, key) is row:
            return False
        self._changed.setdefault(kind, {})[key] = row
        return True

    def changes(self) -> Iterator[tuple[type[Row], list[Row], list[Row]]]:
        """Per kind, in the order of first decision: the rows to insert and the rows to update, in key order."""
        for kind, rows in self._changed.items():
            stored = self._stored.get(kind, _NONE)
            keys = sorted(rows)  # type: ignore[type-var]  # keys of one kind compare
            yield kind, [rows[key] for key in keys if key not in stored], [rows[key] for key in keys if key in stored]


_NONE: Final[Mapping[Hashable, Row]] = {}


class Decision(NamedTuple):
    """What a step decided: its guard row, the event it answers with (None: it is silent), and other rows it moves."""

    guard: Guard
    says: Event | None = None
    rows: tuple[Row, ...] = ()


Handler = Callable[[Rows, Heard[Any]], Decision]
