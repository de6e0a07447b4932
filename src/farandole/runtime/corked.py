"""What a turn of the event loop writes to a connection leaves in one piece: the head of an answer together with its body."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST: Final = 64 * 1024
"""Bytes a connection keeps for the end of a turn."""


class Cork:
    """Sends, at the end of a turn, what all connections of an event loop have kept."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def add(self, flush: Callable[[], None]) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._release)
        self._waiting.append(flush)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for flush in waiting:
            flush()


class CorkedTransport:
    """A transport that keeps what is written until the turn ends."""

    def __init__(self, transport: asyncio.Transport, cork: Cork) -> None:
        self._transport, self._cork, self._kept = transport, cork, b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._kept:
            self._cork.add(self.flush)
        self._kept += data
        if len(self._kept) > MOST:
            self.flush()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        kept, self._kept = self._kept, b""
        if kept and not self.is_closing():
            self._transport.write(kept)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's own protocol on such a transport."""

    def __init__(self, cork: Cork, **given: Any) -> None:
        super().__init__(**given)
        self._cork = cork

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._corked = CorkedTransport(transport, self._cork)
        super().connection_made(cast(asyncio.Transport, self._corked))

    def eof_received(self) -> None:
        """A client that has said all it will say still hears the answer: the loop closes the connection next."""
        self._corked.flush()
        super().eof_received()
