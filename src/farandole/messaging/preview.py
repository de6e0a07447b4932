"""What a replay would do, found out by doing it in a transaction that is rolled back."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from farandole.messaging.batch import judge
from farandole.messaging.database import Database, Transaction
from farandole.messaging.dead_letters import open_letter, understood
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Poison, Unfit
from farandole.messaging.service import Service


class Change(NamedTuple):
    """A row that would be written; `before` is None for a new one."""

    table: str
    before: dict[str, Any] | None
    after: dict[str, Any]


class Preview(NamedTuple):
    """Rows that would change, and the message that would leave; neither where the record was decided before and says nothing."""

    changes: tuple[Change, ...]
    says: Message | None


class _Enough(Exception):
    def __init__(self, preview: Preview) -> None:
        self.preview = preview


def preview(service: Service, database: Database, letter_id: str, now: int) -> Preview:
    """Decide a parked record as a replay would, and leave everything as it was.

    Raises KeyError for an unknown letter, Refused when it is not open, Poison when it would fail again."""
    try:
        with database.writing() as transaction:
            raise _Enough(_tried(service, transaction, letter_id, now))
    except _Enough as enough:
        return enough.preview
    except Unfit as error:
        raise Poison(f"the database refuses it: {error}") from error


def _tried(service: Service, transaction: Transaction, letter_id: str, now: int) -> Preview:
    heard = understood(service, open_letter(transaction, letter_id), now)
    rows = service.load(transaction, [heard])
    verdict = judge(service, rows, heard)
    if isinstance(verdict, Exception):
        raise Poison(str(verdict))
    transaction.save(service.relations, rows)
    transaction.settle()
    return Preview(tuple(_changes(service, rows)), verdict.message)


def _changes(service: Service, rows: Rows) -> Iterator[Change]:
    kept = {relation.kind: relation.name for relation in service.relations}
    for kind, new, changed in rows.changes():
        for row in (*new, *changed) if kind in kept else ():
            before = rows.stored(row)
            yield Change(kept[kind], None if before is None else msgspec.to_builtins(before), msgspec.to_builtins(row))
