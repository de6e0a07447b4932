"""An answer leaves in one piece, a stream as it comes, and who has gone costs nobody else an answer."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from farandole.http.app import application
from farandole.http.routes import get, json
from farandole.runtime.corked import MOST, Cork, CorkedTransport
from farandole.runtime.server import Server, listen
from farandole.runtime.settings import load


class Recorded:
    """A transport that keeps what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    """Where a server listens that answers at once on /whole, and on /stream says one word, then waits for ever."""

    async def whole(_: Request) -> Response:
        return json("all of it")

    async def stream(_: Request) -> Response:
        async def words() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(words())

    listening = listen(load({}, {"port": 0}))
    server = Server(application("test", [get("/whole", whole, "Whole"), get("/stream", stream, "Stream")]))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    serving.start()
    yield listening
    server.force_exit = server.should_exit = True
    serving.join()


def asked(bound: socket.socket, path: str) -> socket.socket:
    client = socket.create_connection(bound.getsockname(), timeout=10)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return client


def test_the_head_of_an_answer_leaves_with_its_body(bound: socket.socket) -> None:
    with asked(bound, "/whole") as client:
        assert client.recv(65_536).endswith(b'\r\n\r\n"all of it"')


def test_a_stream_is_not_kept(bound: socket.socket) -> None:
    with asked(bound, "/stream") as client:
        received = b""
        while b"first" not in received:
            received += client.recv(65_536)


def turn(*writes: tuple[CorkedTransport, bytes], before_its_end: Any = lambda: None) -> None:
    """One turn of an event loop."""

    async def go() -> None:
        for transport, data in writes:
            transport.write(data)
        before_its_end()
        await asyncio.sleep(0)

    asyncio.run(go())


def corked(cork: Cork, transport: Recorded) -> CorkedTransport:
    return CorkedTransport(transport, cork)  # type: ignore[arg-type]


def test_what_a_turn_writes_is_one_piece() -> None:
    cork, transport = Cork(), Recorded()
    one = corked(cork, transport)
    turn((one, b"a"), (one, b"b"))
    turn((one, b"c"))
    assert transport.sent == [b"ab", b"c"]


def test_who_has_gone_costs_nobody_else_an_answer() -> None:
    cork, gone, here = Cork(), Recorded(), Recorded()
    turn((corked(cork, gone), b"a"), (corked(cork, here), b"b"), before_its_end=gone.close)
    assert (gone.sent, here.sent) == ([], [b"b"])


def test_closing_sends_what_was_kept() -> None:
    cork, transport = Cork(), Recorded()
    one = corked(cork, transport)
    turn((one, b"a"), before_its_end=one.close)
    assert (transport.sent, transport.closed) == ([b"a"], True)


def test_no_connection_keeps_much() -> None:
    cork, transport = Cork(), Recorded()
    one = corked(cork, transport)
    turn((one, b" " * MOST), (one, b"a"), before_its_end=lambda: transport.sent.append(b"end"))
    assert transport.sent == [b" " * MOST + b"a", b"end"]


def test_a_client_that_has_said_all_it_will_say_still_hears_the_answer(bound: socket.socket) -> None:
    for _ in range(20):
        with asked(bound, "/whole") as connection:
            connection.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: connection.recv(4096), b"")).endswith(b'"all of it"')
