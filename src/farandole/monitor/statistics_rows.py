"""What the monitor counts: a row for each ten seconds and series, with a histogram of how long it took; and the same for each two
minutes, so that a day is read from few rows."""

from typing import Final

import sqlalchemy as sa

BOUNDS: Final = tuple(round(1000 * 2 ** (place / 2)) for place in range(31))
"""Microseconds up to which a span belongs to a bin: from 1 ms on each is the square root of two times the one before, up to
33 s; the last bin has no bound."""
BINS: Final = tuple(f"bin_{place:02}" for place in range(len(BOUNDS) + 1))


def statistics_tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table]:
    return _table("statistics", metadata), _table("statistics_wide", metadata)


def _table(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("series", sa.String(160), primary_key=True),
        sa.Column("taken", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in BINS),
    )
