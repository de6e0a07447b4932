"""What the monitor hears is counted, and added to its statistics every few seconds from a thread of its own."""

import threading
from typing import Final

import structlog

from farandole.messaging.database import Database
from farandole.messaging.failure import Conflict, Transient
from farandole.monitor.statistics import Tally, keep
from farandole.runtime.worker import Worker, clock

EVERY_SECONDS: Final = 2.0

log = structlog.get_logger()


class Observing:
    """Counts what a monitor commits."""

    def __init__(self, monitor: Worker, database: Database) -> None:
        self._database, self._tally = database, Tally()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observing", daemon=True)
        monitor.noticed.append(self._tally.hear)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Add what is counted, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._add()
        self._add()

    def _add(self) -> None:
        counted = self._tally.take()
        if not counted.cells:
            return
        try:
            with self._database.writing() as transaction:
                keep(transaction, counted, clock())
        except (Transient, Conflict):
            self._tally.give_back(counted)
        except Exception:
            log.exception("statistics were lost")
