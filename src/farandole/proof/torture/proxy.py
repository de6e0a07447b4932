"""A TCP proxy on loopback between services and a server: it can cut, stall, and leave every connection half open."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final, cast

from farandole.proof.ground.ports import free_port
from farandole.proof.torture.loops import Loop

RESET: Final = struct.pack("ii", 1, 0)
"""Closing without lingering sends a reset."""
Asks = Callable[[bytes], bool]
"""Whether bytes from a client ask for an answer that matters; a poll that waits for news does not."""


class Mode(Enum):
    HONEST = auto()
    STALLED = auto()
    HALF_OPEN = auto()
    """Connections are accepted and nobody ever answers; what is sent on the old ones vanishes."""


def anything(_: bytes) -> bool:
    return True


def produces(data: bytes) -> bool:
    """Whether a Kafka request, as the client library sends it in one piece, is Produce (API key 0)."""
    return data[4:6] == b"\0\0"


class Proxy:
    """Forwards to one loopback port; in trouble when it is told to be."""

    def __init__(self, loop: Loop, asks: Asks = anything) -> None:
        self.port, self.mode, self.asks = free_port(), Mode.HONEST, asks
        self.target = 0
        self.pairs: set[_Pair] = set()
        self._loop = loop
        self._server: asyncio.Server | None = None

    def start(self, target: int) -> None:
        """Listen, and forward to a port."""
        self.target = target

        async def listen() -> asyncio.Server:
            return await asyncio.get_running_loop().create_server(lambda: _Pair(self).client, "127.0.0.1", self.port)

        self._server = self._loop.run(listen())

    def close(self) -> None:
        """Break every connection and listen no more."""
        server = self._server
        if server is not None:
            self._loop.call(server.close)
        self.cut()

    @property
    def waiting(self) -> int:
        """How many connections wait for an answer."""
        return self._loop.call(self._waiting)

    def cut(self) -> int:
        """Break every connection; how many of them were waiting for an answer."""
        return self._loop.call(self._cut)

    def stall(self) -> None:
        """Hold everything back."""
        self._loop.call(lambda: self._turn(Mode.STALLED))

    def half_open(self) -> None:
        """Be a peer that vanished without a word."""
        self._loop.call(lambda: self._turn(Mode.HALF_OPEN))

    def heal(self) -> None:
        """Forward again; connections whose bytes were lost are broken."""
        self._loop.call(self._heal)

    def _waiting(self) -> int:
        return sum(pair.waiting for pair in self.pairs)

    def _cut(self) -> int:
        waiting = self._waiting()
        for pair in list(self.pairs):
            pair.abort()
        return waiting

    def _turn(self, mode: Mode) -> None:
        self.mode = mode

    def _heal(self) -> None:
        lost, self.mode = self.mode is Mode.HALF_OPEN, Mode.HONEST
        for pair in list(self.pairs):
            if lost:
                pair.abort()
            else:
                pair.release()


class _Pair:
    """A client's connection and the one to the server."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy, self.waiting = proxy, False
        self.held: list[tuple[_Side, bytes]] = []
        self.client, self.server = _Side(self), _Side(self)

    @property
    def sides(self) -> "tuple[_Side, _Side]":
        return self.client, self.server

    def made(self, side: "_Side") -> None:
        if side is self.client:
            self.proxy.pairs.add(self)
            if self.proxy.mode is not Mode.HALF_OPEN:
                side.dialling = asyncio.ensure_future(self._dial())
        elif self.client.transport is None or self.client.transport.is_closing():
            self.abort()
        else:
            self.server.write(b"".join(self.client.kept))
            self.client.kept.clear()

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, "127.0.0.1", self.proxy.target)
        except OSError:
            self.abort()

    def received(self, side: "_Side", data: bytes) -> None:
        if side is self.client:
            self.waiting = self.proxy.asks(data)
        match self.proxy.mode:
            case Mode.STALLED:
                self.held.append((side, data))
            case Mode.HONEST:
                self._forward(side, data)

    def _forward(self, side: "_Side", data: bytes) -> None:
        if side is self.server:
            self.waiting = False
            self.client.write(data)
        elif self.server.transport is None:
            self.client.kept.append(data)
        else:
            self.server.write(data)

    def release(self) -> None:
        """Forward what was held back, in order."""
        for side, data in self.held:
            self._forward(side, data)
        self.held.clear()

    def lost(self, side: "_Side") -> None:
        if self.proxy.mode is not Mode.HALF_OPEN or side is self.client:
            self.proxy.pairs.discard(self)
            for other in self.sides:
                other.close()

    def abort(self) -> None:
        self.proxy.pairs.discard(self)
        for side in self.sides:
            side.abort()


class _Side(asyncio.Protocol):
    def __init__(self, pair: _Pair) -> None:
        self.pair = pair
        self.transport: asyncio.Transport | None = None
        self.kept: list[bytes] = []
        self.dialling: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.pair.made(self)

    def data_received(self, data: bytes) -> None:
        self.pair.received(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        self.pair.lost(self)

    def pause_writing(self) -> None:
        self._other.pause()

    def resume_writing(self) -> None:
        self._other.resume()

    @property
    def _other(self) -> "_Side":
        return self.pair.server if self is self.pair.client else self.pair.client

    @property
    def _open(self) -> "Iterator[asyncio.Transport]":
        if self.transport is not None and not self.transport.is_closing():
            yield self.transport

    def write(self, data: bytes) -> None:
        for transport in self._open:
            transport.write(data)

    def pause(self) -> None:
        for transport in self._open:
            transport.pause_reading()

    def resume(self) -> None:
        for transport in self._open:
            transport.resume_reading()

    def close(self) -> None:
        for transport in self._open:
            transport.close()

    def abort(self) -> None:
        if self.dialling:
            self.dialling.cancel()
        for transport in self._open:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
