"""Dead letters as an operator reads them: pages, groups by cause, and one with its history."""

import base64
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from farandole.messaging.causes import common
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.messaging.kernel_tables import DISCARDED, KERNEL, OPEN, REPLAYED, Action, DeadLetter

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of parked values after which a page ends, however few they are."""
GROUPS: Final = 100
"""Groups that are told apart."""
COUNTED: Final = 10_000
"""Letters up to which a group is counted."""
ACTIONS: Final = 100
"""Actions that are shown of one letter, the newest."""
STATES: Final = (OPEN, REPLAYED, DISCARDED)
_TABLE: Final = KERNEL.dead_letters.table


class Origin(msgspec.Struct, frozen=True):
    """Where a record was; `at` is the transport's time, null where no calendar has it."""

    topic: str
    partition: int
    offset: int
    at: str | None


class DeadLetterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record; `key` and `value` are null where the bytes are not text in UTF-8, header values are in base64."""

    id: str
    service: str
    state: str
    cause: str
    origin: Origin
    key: str | None
    value: str | None
    value_base64: str | None
    headers: tuple[tuple[str, str], ...]
    error: str
    parked_at: str
    replayed_at: str | None
    outcome: str | None


class DeadLetters(msgspec.Struct, frozen=True):
    items: tuple[DeadLetterAnswer, ...]
    next_cursor: str | None


class ActionAnswer(msgspec.Struct, frozen=True):
    """What somebody did with a letter: REPLAYED, FAILED (a replay that failed again) or DISCARDED."""

    at: str
    actor: str
    action: str
    reason: str
    outcome: str


class LetterAnswer(msgspec.Struct, frozen=True):
    letter: DeadLetterAnswer
    history: tuple[ActionAnswer, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Open letters parked for one cause; `counted` is false where there are more than `letters`."""

    cause: str
    service: str
    topic: str
    error: str
    letters: int
    counted: bool
    oldest: str
    newest: str
    example: str


class Groups(msgspec.Struct, frozen=True):
    """`more` tells that there are more causes than are told apart."""

    items: tuple[Group, ...]
    more: bool


class Wanted(NamedTuple):
    """Which letters a list shows."""

    state: str | None = None
    cause: str | None = None
    subject: str | None = None


def page(transaction: Transaction, wanted: Wanted, before: str | None, limit: int) -> tuple[list[DeadLetter], bool]:
    """The newest letters before a place, and whether there are more; large values are not even read for other pages."""
    statement = _chosen(sa.select(_TABLE.c.id, sa.func.length(_TABLE.c.record_value)), wanted)
    if before is not None:
        statement = statement.where(sa.tuple_(_TABLE.c.parked_at, _TABLE.c.id) < _place(before))
    newest_first = statement.order_by(_TABLE.c.parked_at.desc(), _TABLE.c.id.desc()).limit(limit + 1)
    found = transaction.connection.execute(newest_first).all()
    sizes = accumulate(size or 0 for _, size in found)
    fitting = [str(row[0]) for row, size in zip(found[:limit], sizes, strict=False) if size <= PAGE_BYTES]
    shown = transaction.select(KERNEL.dead_letters, fitting or [str(row[0]) for row in found[:1]])
    shown.sort(key=lambda letter: (letter.parked_at, letter.id), reverse=True)
    return shown, len(shown) < len(found)


def oldest(transaction: Transaction, cause: str | None, after: str | None, limit: int) -> list[tuple[str, str]]:
    """Ids of open letters behind a place, oldest first, each with its own place."""
    statement = _chosen(sa.select(_TABLE.c.parked_at, _TABLE.c.id), Wanted(OPEN, cause))
    if after is not None:
        statement = statement.where(sa.tuple_(_TABLE.c.parked_at, _TABLE.c.id) > _place(after))
    found = transaction.connection.execute(statement.order_by(_TABLE.c.parked_at, _TABLE.c.id).limit(limit))
    return [(str(letter_id), f"{at}/{letter_id}") for at, letter_id in found]


def groups(transaction: Transaction, service: str) -> Groups:
    """Open letters by cause; what it costs depends on the number of causes, however many letters there are."""
    found: list[Group] = []
    while len(found) <= GROUPS:
        group = _next_group(transaction, service, found[-1].cause if found else "")
        if group is None:
            return Groups(tuple(found), more=False)
        found.append(group)
    return Groups(tuple(found[:GROUPS]), more=True)


def _next_group(transaction: Transaction, service: str, after: str) -> Group | None:
    c = _TABLE.c
    statement = sa.select(c.cause, c.topic, c.error, c.id, c.parked_at).where(c.state == OPEN, c.cause > after)
    row = transaction.connection.execute(statement.order_by(c.cause, c.parked_at, c.id).limit(1)).first()
    if row is None:
        return None
    cause, topic, error, example, first = row
    mine = sa.select(c.parked_at).where(c.state == OPEN, c.cause == cause)
    last = transaction.connection.execute(mine.order_by(c.parked_at.desc(), c.id.desc()).limit(1)).scalar_one()
    letters = count(transaction, cause, None)
    return Group(
        cause=cause,
        service=service,
        topic=topic,
        error=common(error),
        letters=min(letters, COUNTED),
        counted=letters <= COUNTED,
        oldest=rfc3339(first),
        newest=rfc3339(last),
        example=str(example),
    )


def count(transaction: Transaction, cause: str | None, after: str | None) -> int:
    """How many open letters there are behind a place; above COUNTED nobody counts on."""
    few = _chosen(sa.select(_TABLE.c.id), Wanted(OPEN, cause))
    if after is not None:
        few = few.where(sa.tuple_(_TABLE.c.parked_at, _TABLE.c.id) > _place(after))
    statement = sa.select(sa.func.count()).select_from(few.limit(COUNTED + 1).subquery())
    return int(transaction.connection.execute(statement).scalar_one())


def one(transaction: Transaction, letter_id: str, service: str) -> LetterAnswer | None:
    """A letter with what was done with it, newest first."""
    found = transaction.select(KERNEL.dead_letters, [letter_id])
    if not found:
        return None
    table = KERNEL.actions.table
    newest = sa.select(table).where(table.c.letter_id == letter_id).order_by(table.c.number.desc()).limit(ACTIONS)
    actions = transaction.fetch(KERNEL.actions, newest)
    return LetterAnswer(answer(found[0], service), tuple(map(_action, actions)))


def _chosen(statement: sa.Select[Any], wanted: Wanted) -> sa.Select[Any]:
    """The statement over the letters that are wanted; the index by cause begins with the state."""
    if wanted.cause is not None and wanted.state is None:
        statement = statement.where(_TABLE.c.state.in_(STATES))
    for name, value in wanted._asdict().items():
        if value is not None:
            statement = statement.where(_TABLE.c[name] == value)
    return statement


def _place(written: str) -> sa.Tuple:
    at, _, letter_id = written.partition("/")
    return sa.tuple_(sa.literal(int(at), _TABLE.c.parked_at.type), sa.literal(letter_id, _TABLE.c.id.type))


def answer(row: DeadLetter, service: str) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        id=row.id,
        service=service,
        state=row.state,
        cause=row.cause,
        origin=Origin(row.topic, row.partition, row.position, _time(row.record_at)),
        key=_text(row.record_key),
        value=_text(row.record_value),
        value_base64=None if row.record_value is None else base64.b64encode(row.record_value).decode(),
        headers=tuple(row.headers),
        error=row.error,
        parked_at=rfc3339(row.parked_at),
        replayed_at=None if row.replayed_at is None else rfc3339(row.replayed_at),
        outcome=row.outcome,
    )


def _action(row: Action) -> ActionAnswer:
    return ActionAnswer(rfc3339(row.at), row.actor, row.action, row.reason, row.outcome)


def _time(at: int) -> str | None:
    try:
        return rfc3339(at)
    except (ValueError, OverflowError, OSError):
        return None


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
