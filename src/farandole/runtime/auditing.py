"""The ledger is looked at from a thread with an event loop of its own; a look that fails is followed by another."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from farandole.messaging.database import Database
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Conflict, Transient
from farandole.runtime.watch import Watch
from farandole.runtime.wiring import MONITOR
from farandole.runtime.worker import Worker
from farandole.web.auditor import Auditor
from farandole.web.branches import Branches

EVERY_SECONDS: Final = 2.0
LATE: Final = 3_000_000
"""Microseconds between a record's arrival in its topic and the monitor's hearing it, above which the ledger lags."""
LATE_FOR_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 5.0

log = structlog.get_logger()


class Auditing:
    """`clients` are made for this thread's own event loop."""

    def __init__(self, monitor: Worker, database: Database, clients: Callable[[], Branches], watch: Watch) -> None:
        self._monitor, self._clients, self._watch = monitor, clients, watch
        self.auditor = Auditor(database, {}, self._behind)
        self._late: tuple[float, float] = (float("-inf"), 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)
        monitor.noticed.append(self._heard)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout=JOIN_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._look_again_and_again())

    async def _look_again_and_again(self) -> None:
        self.auditor.branches = clients = self._clients()
        while not self._stop.is_set():
            try:
                await self.auditor.look()
            except (Transient, Conflict):
                pass  # the monitor's own database is away, or another monitor folds: the next look will tell
            except Exception:
                log.exception("a look at the ledger failed")
            await asyncio.to_thread(self._stop.wait, EVERY_SECONDS)
        for client in clients.values():
            await client.aclose()

    def _heard(self, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
        """Notice how late the oldest record of a batch is."""
        if decisions:
            late = max(heard.at - (heard.landed_at or heard.at) for heard, _ in decisions)
            if late > LATE:
                self._late = (time.monotonic(), late / 1e6)

    def _behind(self) -> str | None:
        if reason := self._monitor.stall():
            return reason
        if seen := self._watch.last:
            if seen.transport:
                return seen.transport
            if records := sum(seen.behind(MONITOR).values()):
                return f"the monitor is {records} records behind"
        at, seconds = self._late
        if time.monotonic() - at < LATE_FOR_SECONDS:
            return f"the monitor hears what was said {seconds:.0f} s ago"
        return None
