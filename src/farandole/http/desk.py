"""The desk is what HTTP routes may ask of the service behind them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from farandole.messaging.database import Transaction
from farandole.messaging.dead_letters import By
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.preview import Preview

T = TypeVar("T")


class Desk(Protocol):
    """One service as its routes see it; every call raises Transient while the database is away."""

    @property
    def service(self) -> str: ...

    def now(self) -> int:
        """Microseconds since 1970."""

    @property
    def overfull(self) -> bool:
        """Whether more events wait to be published than the settings allow."""

    def read(self, reader: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run a reader in a transaction, beside the event loop."""

    def command(self, heard: Heard[Any]) -> Awaitable[Decision]:
        """Decide a command durably, sharing a commit with others; raises Refused. The event of `heard` is the command."""

    def replay(self, dead_letter_id: str, by: By) -> Awaitable[str]:
        """Decide a parked record again and say the outcome; raises KeyError (unknown), Refused (not open), Poison."""

    def preview(self, dead_letter_id: str) -> Awaitable[Preview]:
        """What a replay would do, changing nothing; raises as `replay` does."""

    def discard(self, dead_letter_id: str, by: By) -> Awaitable[None]:
        """Set a parked record aside for good; raises KeyError (unknown), Refused (not open)."""

    def watching(self, key: str) -> AbstractContextManager[asyncio.Future[Decision]]:
        """Within: the next decision about `key` that is committed here, other than by a command."""

    def stall(self) -> str | None:
        """Why this service cannot work now, or None; never blocks."""
