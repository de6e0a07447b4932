"""What the monitor keeps: one row per recorded step, numbered in the order of arrival within its order."""

from farandole.messaging.decision import Row
from farandole.messaging.envelope import Cause


class Recorded(Row, frozen=True):
    """A step that left a record; `heard` and `said` are topics, `value` the event as JSON, `landed_at` the time that the
    transport gave the record, `repeats` how many more records say the same (None: none)."""

    event_id: str
    digest: str
    order_id: str
    number: int
    service: str
    step: str
    heard: str | None
    said: str | None
    decided_at: int
    causation: str | None
    recorded_at: int
    value: str
    landed_at: int | None = None
    repeats: int | None = None

    @property
    def cause(self) -> Cause:
        return Cause(self.event_id, self.digest)


class Received(Row, frozen=True):
    """Goods came in, as the monitor heard of it."""

    event_id: str
    digest: str
    sku: str
    quantity: int
    decided_at: int

    @property
    def cause(self) -> Cause:
        return Cause(self.event_id, self.digest)


class Timeline(Row, frozen=True):
    """Which steps of an order are recorded, and its `order.placed` as JSON; gathered on loading, never stored."""

    order_id: str
    steps: frozenset[tuple[str, str, str | None]] = frozenset()
    placed: str | None = None
