"""What a server does with those who are still reading when it is told to stop."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from farandole.http.app import application
from farandole.http.routes import EVENT_STREAM, get, stopping
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load


async def endless(request: Request) -> Response:
    stop = stopping(request)

    async def said() -> AsyncIterator[bytes]:
        yield b": begun\n\n"
        await asyncio.wait((stop,))
        yield b": over\n\n"

    return StreamingResponse(said(), media_type=EVENT_STREAM)


def test_a_stream_ends_by_itself_when_the_server_is_told_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    settings = load({}, {"port": 0})
    bound = listen(settings)
    server = Server(application("Test", [get("/endless", endless, "Never over")]))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    serving.start()
    drive_until(lambda: server.started, pause)
    with caplog.at_level(logging.ERROR), httpx.stream("GET", address(bound) + "/endless", timeout=30) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": begun"
        server.should_exit = True
        assert list(lines) == ["", ": over", ""]
        serving.join(30)
    assert not serving.is_alive()
    assert caplog.records == []
