"""Which orders a monitor was the first to hear of, until it has made sure that the sweep for late ones did not pass them."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from farandole.messaging.database import Database
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.monitor import waiting
from farandole.monitor.domain import Recorded

REMEMBERED: Final = 100_000


class Beginnings:
    """Heard of in one thread, looked at in another; what is heard of is committed."""

    def __init__(self) -> None:
        self._begun: deque[waiting.Begun] = deque(maxlen=REMEMBERED)
        self._guard = threading.Lock()

    def hear(self, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
        rows = (decision.guard for _, decision in decisions)
        begun = [waiting.Begun(r.order_id, r.recorded_at) for r in rows if isinstance(r, Recorded) and r.number == 1]
        with self._guard:
            self._begun.extend(begun)

    def look(self, database: Database) -> None:
        """Take up what the sweep passed; whatever it raises, all of it is looked at the next time."""
        with self._guard:
            begun = list(self._begun)
            self._begun.clear()
        try:
            if begun:
                with database.writing() as transaction:
                    waiting.take_up(transaction, begun)
        except Exception:
            with self._guard:
                self._begun.extendleft(reversed(begun))
            raise
