"""Time that passes as a test wishes, and a database that is away."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import time_ns
from typing import Any

from farandole.messaging.database import Database, Transaction
from farandole.messaging.failure import Transient


class Clock:
    """Microseconds since 1970, which pass as a test wishes; `elapsed` does not notice when the wall's clock is set."""

    def __init__(self) -> None:
        self._ahead = self._set = 0

    def __call__(self) -> int:
        return self.elapsed() + self._set

    def elapsed(self) -> int:
        return time_ns() // 1000 + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += int(seconds * 1e6)

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall's clock."""
        self._set += int(seconds * 1e6)


class Away(Database):
    """A database that is away for a number of transactions."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner.engine)
        self._inner = inner
        self.away_for = 0

    def _transaction(self, connection: Any, *, write: bool) -> AbstractContextManager[Transaction]:
        return self._inner._transaction(connection, write=write)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        self._knock()
        with self._inner.writing() as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        self._knock()
        with self._inner.reading() as transaction:
            yield transaction

    def _knock(self) -> None:
        if self.away_for > 0:
            self.away_for -= 1
            raise Transient("the database is away")
