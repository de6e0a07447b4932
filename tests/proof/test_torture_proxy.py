"""The proxy does to connections what it says, and nothing when it is honest."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from farandole.proof.ground.waiting import drive_until, pause
from farandole.proof.torture.loops import Loop
from farandole.proof.torture.proxy import Proxy, produces

QUIET_SECONDS = 0.2


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """In front of a server that answers in capitals, but never to `hush`."""
    with socket.create_server(("127.0.0.1", 0)) as server, Loop("proxy") as loop:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        with closing(Proxy(loop)) as made:
            made.start(server.getsockname()[1])
            yield made
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        while True:
            try:
                heard = connection.recv(100)
            except OSError:
                return
            if not heard:
                return
            if heard != b"hush":
                connection.sendall(heard.upper())


def dial(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=30)


def ask(line: socket.socket, words: bytes) -> bytes:
    line.sendall(words)
    return line.recv(100)


def is_silent(line: socket.socket) -> bool:
    line.settimeout(QUIET_SECONDS)
    try:
        line.recv(100)
    except TimeoutError:
        return True
    finally:
        line.settimeout(30)
    return False


def is_broken(line: socket.socket) -> bool:
    try:
        return line.recv(100) == b""
    except ConnectionError:
        return True


def test_an_honest_proxy_forwards(proxy: Proxy) -> None:
    with dial(proxy) as line:
        assert (ask(line, b"tea"), ask(line, b"cup"), proxy.waiting) == (b"TEA", b"CUP", 0)


def test_a_cut_breaks_all_and_counts_who_waited(proxy: Proxy) -> None:
    with dial(proxy) as waiting, dial(proxy) as idle:
        assert ask(idle, b"tea") == b"TEA"
        waiting.sendall(b"hush")
        drive_until(lambda: proxy.waiting == 1, pause)
        assert proxy.cut() == 1
        assert is_broken(waiting)
        assert is_broken(idle)
    with dial(proxy) as again:
        assert ask(again, b"tea") == b"TEA"


def test_a_stall_holds_everything_back_and_loses_nothing(proxy: Proxy) -> None:
    with dial(proxy) as known:
        assert ask(known, b"tea") == b"TEA"
        proxy.stall()
        with dial(proxy) as new:
            for line in (known, new):
                line.sendall(b"cup")
                assert is_silent(line)
            assert proxy.waiting == 2
            proxy.heal()
            assert (known.recv(100), new.recv(100)) == (b"CUP", b"CUP")


def test_half_open_accepts_never_answers_and_breaks_when_healed(proxy: Proxy) -> None:
    with dial(proxy) as known:
        assert ask(known, b"tea") == b"TEA"
        proxy.half_open()
        with dial(proxy) as new:
            for line in (known, new):
                line.sendall(b"cup")
                assert is_silent(line)
            proxy.heal()
            assert is_broken(known)
            assert is_broken(new)
    with dial(proxy) as again:
        assert ask(again, b"tea") == b"TEA"


def test_a_produce_request_is_told_from_a_fetch() -> None:
    size, version = b"\0\0\0\x2a", b"\0\x0b"
    assert produces(size + b"\0\0" + version)
    assert not produces(size + b"\0\x01" + version)
