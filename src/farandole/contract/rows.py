"""The row that proves a step was taken: written once, keyed by its order, kept for ever."""

from farandole.messaging.decision import Row
from farandole.messaging.envelope import Cause


class StepRow(Row, frozen=True):
    """What the order's step answered, and when; the answer is rendered from this row and what a subclass adds."""

    order_id: str
    cause_id: str
    cause_digest: str
    decided_at: int

    @property
    def cause(self) -> Cause:
        return Cause(self.cause_id, self.cause_digest)
