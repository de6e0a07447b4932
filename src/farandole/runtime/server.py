"""An HTTP server that ends with exit code 0 when it is told to end, and 1 when the work behind it halted."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from farandole.http.routes import STOPPING
from farandole.runtime.corked import Cork, CorkedProtocol
from farandole.runtime.settings import Settings

GRACE_SECONDS: Final = 2
LAST_WORDS_SECONDS: Final = 10
"""How long a process whose work has halted still answers why, so that who looks every moment learns it."""


class CannotListen(OSError):
    """The address is taken or not ours."""


def listen(settings: Settings) -> socket.socket:
    """A bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise CannotListen(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    bound.listen(2048)
    return bound


def address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn without its habit of dying by the signal it has handled; usable in any thread."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(CorkedProtocol, Cork()),  # type: ignore[arg-type]  # it is only called
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lifespan.state[STOPPING] = self._stopping
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the streams, whose readers resume elsewhere or later; other answers have their time of grace."""
        self._stopping.set_result(None)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve_until_told(app: ASGIApp, bound: socket.socket, halted: Callable[[], str | None]) -> None:
    """Serve until a signal, or until the work behind the server halted and said so for a while."""
    server = Server(app)

    def watch() -> None:
        last = float("inf")
        while not server.should_exit:
            now = time.monotonic()
            if halted():
                last = min(last, now + LAST_WORDS_SECONDS)
            if now >= last:
                server.should_exit = True
            threading.Event().wait(0.2)

    threading.Thread(target=watch, name="watch", daemon=True).start()
    server.run(sockets=[bound])
