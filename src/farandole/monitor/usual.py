"""How long each step usually takes, told by the newest orders: one bounded read, however many orders are kept."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Final

import sqlalchemy as sa

from farandole.messaging.database import Transaction
from farandole.messaging.step import Step
from farandole.monitor.storage import recorded
from farandole.monitor.timeline import step_named

NEWEST: Final = 1000
"""Steps that are looked at: those of about two hundred orders, whose ids say when they were placed."""
FEWEST: Final = 3
"""Measurements of a step below which nothing is usual."""


def usual(transaction: Transaction) -> Mapping[Step, int]:
    """Median microseconds from the decision that a step hears of to the step's own; steps that were hardly seen are missing."""
    columns = (recorded.c[name] for name in ("event_id", "causation", "service", "step", "heard", "decided_at"))
    newest = sa.select(*columns).order_by(recorded.c.order_id.desc(), recorded.c.number.desc()).limit(NEWEST)
    found = transaction.connection.execute(newest).all()
    decided = {row.event_id: row.decided_at for row in found}
    took = defaultdict(list)
    for row in found:
        if row.causation in decided:
            took[step_named(row.service, row.step, row.heard)].append(row.decided_at - decided[row.causation])
    return {step: int(median(times)) for step, times in took.items() if len(times) >= FEWEST}
