"""A poison record is parked with its bytes, headers, origin and error; replay is by hand, through the same handler, once."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog

from farandole.messaging.batch import decide
from farandole.messaging.causes import SUBJECT, cause, subject
from farandole.messaging.database import Database, Transaction
from farandole.messaging.envelope import Heard, Message, Record, event_id, is_uuid, unseal
from farandole.messaging.failure import Poison, Refused, Unfit
from farandole.messaging.kernel_tables import DISCARDED, KERNEL, OPEN, REPLAYED, UNSORTED, Action, DeadLetter
from farandole.messaging.relay import outbox_row
from farandole.messaging.service import Service

ANNOUNCED: Final = 20
"""Parked records that are logged one by one, in so many microseconds."""
ANNOUNCE_EVERY: Final = 10_000_000
log = structlog.get_logger()
_PARKED: Final = str(UUID("0d1f5c1e-4c0b-5a55-9a51-7b1c0d7e1a00"))
_LETTERS: Final = KERNEL.dead_letters.table.c
_SHORT_KEY: Final = sa.case((sa.func.length(_LETTERS.record_key) <= SUBJECT, _LETTERS.record_key))
_IS_OPEN, _IS_UNSORTED = (sa.literal(name, literal_execute=True) for name in (OPEN, UNSORTED))
"""Written out, not sent as parameters: the plan for any words is slower on many letters."""
_UNSORTED: Final = (
    sa.select(_LETTERS.id, _LETTERS.topic, _SHORT_KEY, _LETTERS.error, _LETTERS.replayed_at)
    .where(_LETTERS.state == _IS_OPEN, (_LETTERS.cause == _IS_UNSORTED) | _LETTERS.replayed_at.is_not(None))
    .order_by(_LETTERS.id)
    .limit(100)
    .with_for_update(skip_locked=True)
)
_SORT: Final = (
    sa.update(KERNEL.dead_letters.table)
    .where(_LETTERS.id == sa.bindparam("letter"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("subject", "cause", "state")})
)


class By(NamedTuple):
    """Who does something with a dead letter, and why."""

    actor: str = "unknown"
    reason: str = ""


NOBODY: Final = By()
FAILED: Final = "FAILED"
"""A replay that failed again."""


class Announcer:
    """Logs what is parked: each record while they are few; while they pour in, every few seconds how many there were."""

    def __init__(self, service: str, elapsed: Callable[[], int]) -> None:
        self._service, self._elapsed = service, elapsed
        self._since = elapsed()
        self._room, self._unsaid = ANNOUNCED, 0

    def __call__(self, letters: Sequence[DeadLetter]) -> None:
        now = self._elapsed()
        if now - self._since >= ANNOUNCE_EVERY:
            self._since, self._room = now, ANNOUNCED
            if self._unsaid:
                log.warning("parked many", service=self._service, records=self._unsaid)
            self._unsaid = 0
        for found in letters[: self._room]:
            told = {"error": found.error[:300], **_names(found)}
            log.warning("parked", service=self._service, dead_letter=found.id, **told)
        self._unsaid += max(0, len(letters) - self._room)
        self._room = max(0, self._room - len(letters))


def _names(letter: DeadLetter) -> dict[str, str]:
    """The order, the event and its cause, as far as the record has ids for them: a stranger's may have any text there."""
    record = record_of(letter)
    headers = dict(record.headers)
    ids = {"order_id": record.key, "event_id": headers.get("ce_id"), "causation_id": headers.get("ce_causationid")}
    return {name: text.decode() for name, text in ids.items() if text and is_uuid(text)}


def letter(service: str, place: tuple[str, Record], error: Exception, now: int) -> DeadLetter:
    """The dead letter of a record in a topic with an id; its own id is who parks it and its place, so parking twice parks once."""
    topic_id, record = place
    said = str(error)[:2000].replace("\x00", "\\0")
    return DeadLetter(
        id=event_id(_PARKED, f"{service}/{topic_id}/{record.topic}/{record.partition}/{record.offset}"),
        topic=record.topic,
        partition=record.partition,
        position=record.offset,
        record_key=record.key,
        record_value=record.value,
        headers=[(name, b64encode(value or b"").decode()) for name, value in record.headers],
        record_at=record.at,
        error=said,
        parked_at=now,
        subject=subject(record.key),
        cause=cause(service, record.topic, said),
    )


def park(transaction: Transaction, letters: Sequence[DeadLetter]) -> int:
    """Keep letters that are not kept yet; how many those were."""
    if not letters:
        return 0
    known = {found.id for found in transaction.select(KERNEL.dead_letters, (letter.id for letter in letters))}
    new = sorted((letter for letter in letters if letter.id not in known), key=lambda letter: letter.id)
    if new:
        transaction.insert(KERNEL.dead_letters, new)
    return len(new)


def sort(transaction: Transaction, service: str) -> None:
    """Name subject, cause and state of letters that an older version, which knows none of them, parked or replayed beside this one."""
    if found := transaction.connection.execute(_UNSORTED).all():
        transaction.connection.execute(_SORT, [_sorted(service, *letter) for letter in found])


def _sorted(
    service: str, letter_id: str, topic: str, key: bytes | None, error: str, replayed_at: int | None
) -> dict[str, str | None]:
    return {
        "letter": letter_id,
        "new_subject": subject(key),
        "new_cause": cause(service, topic, error),
        "new_state": OPEN if replayed_at is None else REPLAYED,
    }


def record_of(letter: DeadLetter) -> Record:
    """The record as it was heard."""
    headers = tuple((name, b64decode(value)) for name, value in letter.headers)
    place = (letter.topic, letter.partition, letter.position)
    return Record(*place, letter.record_key, letter.record_value, headers, letter.record_at)


def replay(service: Service, database: Database, letter_id: str, instance: str, now: int, by: By = NOBODY) -> str:
    """Decide a parked record again, writing its answer to the outbox, and say the outcome.

    Raises KeyError for an unknown letter, Refused when it is not open, Poison when it fails again (it stays, the try is recorded).
    """
    try:
        done = _replay(service, database, letter_id, (instance, now, by))
    except (Poison, Unfit) as error:
        said = f"the database refuses it: {error}" if isinstance(error, Unfit) else str(error)
        with database.writing() as transaction:
            letter = open_letter(transaction, letter_id)
            record(transaction, letter, FAILED, now, by, said)
        _tell(service.name, letter, FAILED, by, said)
        raise Poison(said) from error
    outcome = done.outcome or ""
    _tell(service.name, done, REPLAYED, by, outcome)
    return outcome


def _replay(service: Service, database: Database, letter_id: str, here: tuple[str, int, By]) -> DeadLetter:
    instance, now, by = here
    with database.writing() as transaction:
        letter = open_letter(transaction, letter_id)
        heard = understood(service, letter, now)
        (verdict,) = decide(service, transaction, [heard])
        if isinstance(verdict, Exception):
            raise Poison(str(verdict))
        outcome = _outcome(verdict.message)
        if verdict.message:
            answer = outbox_row(verdict.message, instance, now)
            if not transaction.select(KERNEL.outbox, [answer.id]):  # the letter of a copy may be replayed before
                transaction.insert(KERNEL.outbox, [answer])
        done = msgspec.structs.replace(letter, replayed_at=now, outcome=outcome, state=REPLAYED)
        transaction.update(KERNEL.dead_letters, [done])
        record(transaction, letter, REPLAYED, now, by, outcome)
    return done


def discard(service: str, database: Database, letter_id: str, now: int, by: By) -> None:
    """Set a letter aside for good; it is kept. Raises KeyError for an unknown letter, Refused when it is not open."""
    with database.writing() as transaction:
        letter = open_letter(transaction, letter_id)
        done = msgspec.structs.replace(letter, state=DISCARDED, outcome=by.reason)
        transaction.update(KERNEL.dead_letters, [done])
        record(transaction, letter, DISCARDED, now, by, "discarded")
    _tell(service, letter, DISCARDED, by, "discarded")


def open_letter(transaction: Transaction, letter_id: str) -> DeadLetter:
    """A letter that nobody else handles until the transaction ends; KeyError unless it is known, Refused unless it is open."""
    found = transaction.select(KERNEL.dead_letters, [letter_id], lock=True)
    if not found:
        raise KeyError(letter_id)
    letter = found[0]
    if letter.state != OPEN:
        raise Refused(f"dead letter {letter_id} was {letter.state.lower()} already: {letter.outcome}")
    return letter


def understood(service: Service, letter: DeadLetter, now: int) -> Heard[Any]:
    """What a parked record says; raises Poison while it cannot be understood."""
    if letter.topic not in service.decoders:
        raise Poison(f"expected a topic of {service.name}, found {letter.topic!r}")
    return unseal(record_of(letter), service.decoders[letter.topic], now)


def record(transaction: Transaction, letter: DeadLetter, action: str, now: int, by: By, outcome: str) -> None:
    """Keep who did what with a letter that this transaction holds, when, why, and how it went."""
    number = 1 + len(transaction.select(KERNEL.actions, [letter.id]))
    said = outcome[:2000].replace("\x00", "\\0")
    transaction.insert(KERNEL.actions, [Action(letter.id, number, now, by.actor, action, by.reason, said)])


def _tell(service: str, letter: DeadLetter, action: str, by: By, outcome: str) -> None:
    """One line in the log for whatever was done with a letter and is durable."""
    told = {"action": action, "actor": by.actor, "reason": by.reason, "outcome": outcome[:300], **_names(letter)}
    log.info("dead letter handled", service=service, dead_letter=letter.id, **told)


def _outcome(message: Message | None) -> str:
    return f"decided, answered with {message.topic}" if message else "decided"
