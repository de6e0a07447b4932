"""A thread of the monitor's process that looks at everything every moment, so that a diagnosis knows since when."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

import structlog

from farandole.messaging.database import Database
from farandole.messaging.failure import Transient
from farandole.messaging.transport.inspection import Inspection
from farandole.monitor import waiting
from farandole.runtime.beginnings import Beginnings
from farandole.runtime.observing import Observing
from farandole.runtime.settings import Settings
from farandole.runtime.worker import Worker
from farandole.web.branches import Branches
from farandole.web.doctor.look import Lookout, Observation, look

EVERY_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 10.0
"""How long who asks waits for the first look."""
AT_ONCE: Final = 20
"""Chunks of orders that are taken up, or seen to be over, in one go at most."""
log = structlog.get_logger()


def late_after(settings: Settings) -> int:
    """Microseconds that a step may take."""
    return int(float(settings.late_after) * 1e6)


class Watch:
    """Looks with clients of its own, for they belong to one event loop; started and stopped with the process."""

    def __init__(
        self,
        monitor: Worker,
        database: Database,
        inspection: Inspection,
        clients: Callable[[], Branches],
        late_after: int,
    ) -> None:
        self.late_after = late_after
        self._monitor, self._database, self._inspection, self._clients = monitor, database, inspection, clients
        self._observing, self._beginnings = Observing(monitor, database), Beginnings()
        monitor.noticed.append(self._beginnings.hear)
        self._last: Observation | None = None
        self._after = waiting.FIRST
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._observing.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        """Once the monitor hears no more."""
        self._observing.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=PATIENCE_SECONDS)
        with suppress(Transient):
            self._beginnings.look(self._database)

    @property
    def last(self) -> Observation | None:
        """The last look, None before the first."""
        return self._last

    async def seen(self) -> Observation:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while self._last is None:
            if asyncio.get_running_loop().time() > deadline:
                raise Transient("the monitor has not looked yet")
            await asyncio.sleep(0.05)
        return self._last

    async def _run(self) -> None:
        branches = self._clients()
        out = Lookout(branches, self._inspection, self._monitor)
        async with AsyncExitStack() as stack:
            for client in branches.values():
                await stack.enter_async_context(client)
            while not self._stop.is_set():
                await self._turn(out)
                await asyncio.to_thread(self._stop.wait, EVERY_SECONDS)

    async def _turn(self, out: Lookout) -> None:
        try:
            self._last = await look(out, self.late_after, self._last)
            await asyncio.to_thread(self._sweep)
        except Transient as error:
            log.debug("waiting", part="watch", reason=str(error))
        except Exception:
            log.exception("a look failed")

    def _sweep(self) -> None:
        """Take up orders that had their time, and look again at those that wait."""
        self._beginnings.look(self._database)
        until = self._monitor.now() - self.late_after
        for _ in range(AT_ONCE):
            with self._database.writing() as transaction:
                more = waiting.sweep(transaction, until)
            if not more:
                break
        for _ in range(AT_ONCE):
            with self._database.writing() as transaction:
                self._after, over = waiting.look_again(transaction, self._after)
            if self._after == waiting.FIRST or not over:
                break
