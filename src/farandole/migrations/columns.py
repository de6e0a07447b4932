"""Column types and kernel tables of the first revisions; never changed, so that a revision stays what it was."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from farandole.messaging import causes


def identifier() -> sa.String:
    """A UUID: native on PostgreSQL, text on SQLite."""
    return sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def micros() -> sa.BigInteger:
    """Microseconds since 1970 in UTC."""
    return sa.BigInteger()


def create_kernel_tables() -> None:
    """The outbox, the offsets and the dead letters, as every first revision has them."""
    op.create_table(
        "outbox",
        sa.Column("id", identifier(), primary_key=True),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("written_at", micros(), nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
    )
    op.create_table(
        "consumer_offsets",
        sa.Column("topic", sa.String(64), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("topic_id", sa.String(64), nullable=False),
        sa.Column("decided", sa.BigInteger, nullable=False),
        sa.Column("acked", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", identifier(), primary_key=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("record_key", sa.LargeBinary),
        sa.Column("record_value", sa.LargeBinary),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("record_at", micros(), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("parked_at", micros(), nullable=False),
        sa.Column("replayed_at", micros()),
        sa.Column("outcome", sa.Text),
    )


def order_dead_letters() -> None:
    """An index for their pages, newest first: a hundred thousand may be parked."""
    op.create_index("dead_letters_by_time", "dead_letters", ["parked_at", "id"])


def handle_dead_letters(service: str) -> None:
    """Where each dead letter stands, whom it is about and why it was parked, by indexes; and what was done with it by whom."""
    op.add_column("dead_letters", sa.Column("state", sa.String(16), nullable=False, server_default="OPEN"))
    op.add_column("dead_letters", sa.Column("subject", sa.String(64)))
    op.add_column("dead_letters", sa.Column("cause", sa.String(16), nullable=False, server_default="none"))
    _sort_dead_letters(service)
    op.create_index("dead_letters_by_state", "dead_letters", ["state", "parked_at", "id"])
    op.create_index("dead_letters_by_cause", "dead_letters", ["state", "cause", "parked_at", "id"])
    op.create_index("dead_letters_by_subject", "dead_letters", ["subject", "parked_at", "id"])
    op.create_table(
        "dead_letter_actions",
        sa.Column("letter_id", identifier(), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", micros(), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
    )


def _sort_dead_letters(service: str) -> None:
    """Fill the new columns of letters that are parked already, a thousand at a time."""
    names = ("topic", "record_key", "error", "replayed_at", "state", "subject", "cause")
    letters = sa.table("dead_letters", sa.column("id", identifier()), *map(sa.column, names))
    few = sa.select(
        letters.c.id,
        letters.c.topic,
        sa.case((sa.func.length(letters.c.record_key) <= causes.SUBJECT, letters.c.record_key)),
        letters.c.error,
        letters.c.replayed_at,
    )
    few = few.where(letters.c.cause == "none").limit(1000)
    change = sa.update(letters).where(letters.c.id == sa.bindparam("letter"))
    change = change.values(
        state=sa.bindparam("new_state"), subject=sa.bindparam("new_subject"), cause=sa.bindparam("new_cause")
    )
    while found := op.get_bind().execute(few).all():
        new = [
            {
                "letter": letter_id,
                "new_state": "OPEN" if replayed_at is None else "REPLAYED",
                "new_subject": causes.subject(key),
                "new_cause": causes.cause(service, topic, error),
            }
            for letter_id, topic, key, error, replayed_at in found
        ]
        op.get_bind().execute(change, new)


def step_columns() -> list[sa.Column[Any]]:
    """The columns of a row that proves a step."""
    return [
        sa.Column("order_id", identifier(), primary_key=True),
        sa.Column("cause_id", identifier(), nullable=False),
        sa.Column("cause_digest", sa.String(32), nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
    ]
