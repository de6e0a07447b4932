"""What the kernel keeps in every service's database: the outbox, the offsets and the dead letters."""

from typing import Final, NamedTuple

import sqlalchemy as sa

from farandole.messaging.database.relation import Id, Json, Micros, Relation
from farandole.messaging.decision import Row


class OutboxRow(Row, frozen=True):
    """A message that no record causes, until its publication is acknowledged; `instance` is who wrote it."""

    id: str
    instance: str
    written_at: int
    topic: str
    subject: str
    value: bytes
    headers: list[tuple[str, str]]


class OffsetRow(Row, frozen=True):
    """How far this database has heard a partition: `decided` in the batch's transaction, `acked` in the next one."""

    topic: str
    partition: int
    topic_id: str
    decided: int
    acked: int

    @property
    def key(self) -> tuple[str, int]:
        return self.topic, self.partition


OPEN, REPLAYED, DISCARDED = "OPEN", "REPLAYED", "DISCARDED"
"""Where a dead letter stands; what is no longer open never is again."""

UNSORTED = "none"
"""The cause of a letter whose cause is not named yet."""


class DeadLetter(Row, frozen=True):
    """A parked record with its bytes, headers, origin and error; kept for ever, so that hearing it again parks nothing new.
    `subject` is its key where that is short text, `cause` names the group of letters that were parked for the same reason."""

    id: str
    topic: str
    partition: int
    position: int
    record_key: bytes | None
    record_value: bytes | None
    headers: list[tuple[str, str]]
    record_at: int
    error: str
    parked_at: int
    replayed_at: int | None = None
    outcome: str | None = None
    state: str = OPEN
    subject: str | None = None
    cause: str = UNSORTED


class Action(Row, frozen=True):
    """What somebody did with a dead letter; `number` counts the letter's actions from 1. Never changed."""

    letter_id: str
    number: int
    at: int
    actor: str
    action: str
    reason: str
    outcome: str

    @property
    def key(self) -> tuple[str, int]:
        return self.letter_id, self.number


_METADATA: Final = sa.MetaData()

outbox = sa.Table(
    "outbox",
    _METADATA,
    sa.Column("id", Id, primary_key=True),
    sa.Column("instance", sa.String(64), nullable=False),
    sa.Column("written_at", Micros, nullable=False),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("headers", Json, nullable=False),
)
offsets = sa.Table(
    "consumer_offsets",
    _METADATA,
    sa.Column("topic", sa.String(64), primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("topic_id", sa.String(64), nullable=False),
    sa.Column("decided", sa.BigInteger, nullable=False),
    sa.Column("acked", sa.BigInteger, nullable=False),
)
dead_letters = sa.Table(
    "dead_letters",
    _METADATA,
    sa.Column("id", Id, primary_key=True),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("record_key", sa.LargeBinary),
    sa.Column("record_value", sa.LargeBinary),
    sa.Column("headers", Json, nullable=False),
    sa.Column("record_at", Micros, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("parked_at", Micros, nullable=False),
    sa.Column("replayed_at", Micros),
    sa.Column("outcome", sa.Text),
    sa.Column("state", sa.String(16), nullable=False, server_default=OPEN),
    sa.Column("subject", sa.String(64)),
    sa.Column("cause", sa.String(16), nullable=False, server_default=UNSORTED),
    sa.Index("dead_letters_by_time", "parked_at", "id"),
    sa.Index("dead_letters_by_state", "state", "parked_at", "id"),
    sa.Index("dead_letters_by_cause", "state", "cause", "parked_at", "id"),
    sa.Index("dead_letters_by_subject", "subject", "parked_at", "id"),
)
actions = sa.Table(
    "dead_letter_actions",
    _METADATA,
    sa.Column("letter_id", Id, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
)


class KernelRelations(NamedTuple):
    outbox: Relation[OutboxRow]
    offsets: Relation[OffsetRow]
    dead_letters: Relation[DeadLetter]
    actions: Relation[Action]


KERNEL: Final = KernelRelations(
    Relation(OutboxRow, outbox),
    Relation(OffsetRow, offsets),
    Relation(DeadLetter, dead_letters),
    Relation(Action, actions),
)


def service_metadata() -> sa.MetaData:
    """The metadata of a service's schema, which has the kernel's tables beside the service's own."""
    metadata = sa.MetaData()
    for relation in KERNEL:
        relation.table.to_metadata(metadata)
    return metadata
