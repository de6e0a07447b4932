"""A database whose commits fail, are not answered, collide with another process's, or are the last of their process."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from farandole.messaging.database import Database, Transaction
from farandole.messaging.failure import Conflict, Transient


@dataclass
class Fate:
    """How many of the next commits suffer what; `commits_left` is after how many the process dies, None for never."""

    failing: int = 0
    unanswered: int = 0
    colliding: int = 0
    commits_left: int | None = None
    hit: int = 0


class Unsure(Database):
    """A database as a process sees it whose connection is not to be trusted."""

    def __init__(self, inner: Database, fate: Fate) -> None:
        super().__init__(inner.engine)
        self._inner, self._fate = inner, fate

    def _transaction(self, connection: Any, *, write: bool) -> AbstractContextManager[Transaction]:
        return self._inner._transaction(connection, write=write)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        fate = self._fate
        self._expect_life()
        with self._inner.writing() as transaction:
            yield transaction
            transaction.settle()
            if fate.failing:
                fate.failing, fate.hit = fate.failing - 1, fate.hit + 1
                raise Transient("the commit failed")
            if fate.colliding:
                fate.colliding, fate.hit = fate.colliding - 1, fate.hit + 1
                raise Conflict("another process was faster")
        if fate.unanswered:
            fate.unanswered, fate.hit = fate.unanswered - 1, fate.hit + 1
            raise Transient("the commit was not answered")
        if fate.commits_left is not None:
            fate.commits_left -= 1
            self._expect_life()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        self._expect_life()
        with self._inner.reading() as transaction:
            yield transaction

    def _expect_life(self) -> None:
        if self._fate.commits_left == 0:
            self._fate.hit += 1
            raise Transient("the process is dead")
