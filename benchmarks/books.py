"""Stock, ledger and statistics of a store in which every order is there several times, as changes in SQL."""

from collections.abc import Mapping, Sequence
from typing import Final

from farandole.monitor import statistics as kept
from farandole.monitor.statistics_rows import BINS

Sums = Sequence[tuple[str, Mapping[str, int]]]
"""Statements, and the numbers that belong into them."""

LONG_AGO: Final = 10 * kept.KEPT


def stock(before: int, after: int) -> Sums:
    """Every reservation was there so many times and is now so many."""
    numbers = {"before": before, "after": after}
    return [
        ("UPDATE stock SET available = available - reserved / :before * (:after - :before)", numbers),
        ("UPDATE stock SET reserved = reserved / :before * :after", numbers),
    ]


def balances(times: int) -> Sums:
    """Every order is there so many times; goods came in once."""
    return [("UPDATE ledger_balances SET units = units * :times WHERE account <> 'received'", {"times": times})]


def owed(times: int, more: int) -> Sums:
    """Every order is there so many times, and every completed one so many times more, placed and reserved and not paid."""
    numbers, add = {"times": times, "more": more}, "UPDATE ledger_balances SET units = units + :more * ("
    other = "SELECT other.units FROM ledger_balances AS other WHERE other.account"
    return [
        (
            f"{add}units - COALESCE(({other} = 'released' AND other.name = ledger_balances.name), 0)) / :times"
            " WHERE account = 'reserved'",
            numbers,
        ),
        (
            f"{add}{other} = 'completed' AND other.name = ledger_balances.name) / :times WHERE account = 'placed'",
            numbers,
        ),
        (
            f"{add}{other} = 'orders' AND other.name = 'COMPLETED') / :times"
            " WHERE account = 'orders' AND name = 'PLACED'",
            numbers,
        ),
    ]


def statistics(times: int, now: int) -> Sums:
    """What was counted so many times, evenly over the day until now, in rows without gaps."""
    return [
        change
        for table, width in (("statistics", kept.SECONDS), ("statistics_wide", kept.WIDE))
        for change in _spread(table, width, times, now)
    ]


def _spread(table: str, width: int, times: int, now: int) -> Sums:
    sums = ", ".join(f"(sum({name}) * :times * :width + {kept.KEPT - 1}) / {kept.KEPT}" for name in ("taken", *BINS))
    numbers = {"width": width, "until": now - now % width, "begin": now - now % width - kept.KEPT}
    return [
        (f"UPDATE {table} SET since = since - {LONG_AGO}", {}),
        (
            f"WITH RECURSIVE times (since) AS (SELECT CAST(:begin AS bigint) UNION ALL"
            f" SELECT since + :width FROM times WHERE since < :until)"
            f" INSERT INTO {table} (since, series, taken, {', '.join(BINS)})"
            f" SELECT times.since, counted.* FROM times, (SELECT series, {sums} FROM {table} GROUP BY series) AS counted",
            numbers | {"times": times},
        ),
        (f"DELETE FROM {table} WHERE since < :begin", {"begin": numbers["begin"]}),
    ]
