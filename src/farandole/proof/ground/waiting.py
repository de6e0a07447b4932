"""Bounded waiting: drive something until it says so, and fail with what was found otherwise."""

import threading
import time
from collections.abc import Callable

PATIENCE = 90.0


def drive_until(condition: Callable[[], object], drive: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Calls `drive` until the condition holds; `drive` itself waits a little, so that this does not spin."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"expected it within {seconds} s")
        drive()


def pause() -> None:
    """Lets others work between two looks at something that only they can change."""
    threading.Event().wait(0.1)
