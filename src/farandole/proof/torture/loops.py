"""An event loop in a thread of its own, so that connections are served while the main thread strikes and waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

import uvloop

T = TypeVar("T")
PATIENCE = 30.0


class Loop:
    """Runs until left; what touches its connections is handed over and waited for."""

    def __init__(self, name: str) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(_end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], seconds: float | None = PATIENCE) -> T:
        """What a coroutine returns, run in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def call(self, work: Callable[[], T]) -> T:
        """What a function returns, called in the loop."""

        async def called() -> T:
            return work()

        return self.run(called())


async def _end_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
