"""Column types and kernel tables of the first revisions; never changed, so that a revision stays what it was."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


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


def step_columns() -> list[sa.Column[Any]]:
    """The columns of a row that proves a step."""
    return [
        sa.Column("order_id", identifier(), primary_key=True),
        sa.Column("cause_id", identifier(), nullable=False),
        sa.Column("cause_digest", sa.String(32), nullable=False),
        sa.Column("decided_at", micros(), nullable=False),
    ]
