"""A real HTTP server in a test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from threading import Thread

from farandole.runtime.server import Server


@contextmanager
def served(server: Server, bound: socket) -> Iterator[Server]:
    """A server at work in a thread."""
    serving = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    serving.start()
    try:
        yield server
    finally:
        server.should_exit = True
        serving.join()
