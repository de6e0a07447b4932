"""The load generator cannot be made to look away: what is due counts from when it was due."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread, Timer

from benchmarks.contestant import KINDS
from benchmarks.load import Arrivals, closed, waits

RATE = 200.0
FIRST_HELD, HELD = 20, 30
PATIENCE = 30


@contextmanager
def shop(hold: Callable[[int], None], status: str = "COMPLETED") -> Iterator[str]:
    """The URL of an HTTP server that answers every order, after `hold` of how many came before has returned."""
    numbers = count()
    content = f'{{"status":"{status}"}}'.encode()

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            hold(next(numbers))
            self.send_response(201)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            return None

    class Shop(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    with Shop(("127.0.0.1", 0), Desk) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def at_once(number: int) -> None:
    return None


def test_a_stall_is_in_the_latency_of_every_order_that_was_due_meanwhile() -> None:
    over = Event()

    def stall(number: int) -> None:
        if number >= FIRST_HELD + HELD:
            over.set()
        elif number >= FIRST_HELD:
            assert over.wait(PATIENCE)

    with shop(stall) as url:
        arrivals = Arrivals(url, 0, 100)
        arrivals.run(RATE, 0.5)
    longest = sorted(arrivals.found["post"] + arrivals.found["terminal"], reverse=True)
    assert len(longest) == RATE * 0.5
    for place, found in enumerate(longest[:HELD]):
        assert found >= (HELD - place) / RATE


def test_an_order_that_is_sent_late_counts_from_when_it_was_due() -> None:
    """The generator itself is stopped for a while: what was due then is sent all at once when it goes on."""
    running: list[subprocess.Popen[bytes]] = []

    def stop(number: int) -> None:
        if number == FIRST_HELD:
            running[0].send_signal(signal.SIGSTOP)
            Timer(HELD / RATE, running[0].send_signal, (signal.SIGCONT,)).start()

    with shop(stop) as url:
        words = [sys.executable, "-m", "benchmarks.load", "open", url, "0", str(RATE), "0.5", "100"]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as generator:
            running.append(generator)
            said, _ = generator.communicate(timeout=PATIENCE)
    found = json.loads(said)
    longest = sorted(found["post"] + found["terminal"], reverse=True)
    assert len(longest) == RATE * 0.5
    for place, seconds in enumerate(longest[:HELD]):
        assert seconds >= (HELD - place - 1) / RATE


def test_an_order_that_outlasts_its_wait_is_counted() -> None:
    with shop(at_once, "PENDING") as url:
        arrivals = Arrivals(url, 0, 100)
        arrivals.run(RATE, 0.1)
    assert arrivals.unended == len(arrivals.found["terminal"]) == 10


def test_half_of_every_kind_of_order_waits_for_its_end() -> None:
    steps = range(2 * len(KINDS))
    waiting = Counter(KINDS[step % len(KINDS)] for step in steps if waits(step))
    assert waiting == Counter(KINDS)


def test_a_closed_loop_places_every_order_once() -> None:
    came: list[int] = []
    with shop(came.append) as url:
        closed(url, 0, 50, 100, connections=4)
    assert sorted(came) == list(range(50))
