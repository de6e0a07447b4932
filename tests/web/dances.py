"""Dances as the monitor records them, each at the same times."""

import msgspec

from farandole.monitor.domain import Recorded
from farandole.monitor.timeline import in_causal_order
from tests.contract.dances import ALL, NOON, Kept, danced, heard

FLOWS = {"happy": ("10.00", 5), "payment-failure": ("10000.01", 5), "stock-failure": ("10.00", 1)}
"""Price and teas in stock, by the flow they lead to."""
STEP, LANDS = 12_300, 4_100
"""Microseconds between two decisions, and from a decision until its record is in its topic."""


def recorded(flow: str) -> list[Recorded]:
    """What the monitor recorded of a whole flow."""
    monitor = Kept(ALL["monitor"])
    monitor.batch([heard(monitor.service, message) for message in danced(*FLOWS[flow])])
    steps = in_causal_order(monitor.all(Recorded))
    return [_at(row, NOON + place * STEP) for place, row in enumerate(steps)]


def _at(row: Recorded, decided: int) -> Recorded:
    return msgspec.structs.replace(row, decided_at=decided, landed_at=decided + LANDS)
