"""Makes orders by HTTP from a process of its own: `python -m benchmarks.load closed|open URL …`, JSON on standard output.

closed: so many connections, each placing its next order when the last was accepted.
open: orders are due at fixed times whatever the answers do, and each latency counts from when its order was due,
so a system that stalls cannot hide it (no coordinated omission). Every second order of each kind asks with
`Prefer: wait` for its end, which gives the time from placing to terminal status by the clock of who placed it.

Sockets and epoll without a framework: a load generator shares the machine with what it measures.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.contestant import KINDS, lines
from benchmarks.meter import peak

WAIT: Final = b"Prefer: wait=30\r\n"
FULL_SECONDS: Final = 0.05
"""Pause after an answer 503."""
CROWD: Final = 4_000
"""Connections at once that say a system cannot keep up with a rate."""
RESTS_SECONDS: Final = 3.0
"""A connection that rested for longer is not used again: after five seconds servers close it."""
PENDING: Final = b'"status":"PENDING"'
_LENGTH: Final = b"content-length: "


def request(number: int, skus: int, headers: bytes = b"", *, hot: bool = False) -> bytes:
    wanted = ",".join(
        f'{{"sku":"{sku}","quantity":{quantity},"unit_price":"{price}"}}'
        for sku, quantity, price in lines(number, skus, hot)
    )
    customer = f'{{"id":"c-{number}","email":"customer{number}@example.com"}}'
    content = f'{{"customer":{customer},"currency":"USD","lines":[{wanted}]}}'.encode()
    return (
        b"POST /api/orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
        % (headers, len(content), content)
    )


class Customer:
    """A keep-alive HTTP/1.1 connection, one order at a time."""

    def __init__(self, place: "Place") -> None:
        self.socket = socket.create_connection(place.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number, self.due, self.idle, self.waits = 0, 0.0, True, False
        self.answered = 0.0
        self.pending = False
        self._answer = b""

    def order(self, number: int, due: float, content: bytes) -> None:
        self.number, self.due, self.idle = number, due, False
        self.socket.sendall(content)

    @property
    def stale(self) -> bool:
        """The connection is closed, or has rested for so long that the server may be closing it just now."""
        return self.socket.fileno() < 0 or time.perf_counter() - self.answered > RESTS_SECONDS

    def rested(self) -> bool:
        """Whether the server has closed the connection, as servers do with those that rest."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False

    def status(self) -> int | None:
        """The status of the answer once all of it is here."""
        read = self.socket.recv(65536)
        if not read:
            raise ConnectionError("the server closed the connection")
        self._answer += read
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            return None
        at = self._answer.lower().index(_LENGTH, 0, end) + len(_LENGTH)
        if len(self._answer) < end + 4 + int(self._answer[at : self._answer.index(b"\r", at)]):
            return None
        status = int(self._answer[9:12])
        self.pending = PENDING in self._answer
        self._answer = b""
        return status


class Place:
    """Where orders are placed, and every customer who waits for an answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "", parts.port or 80)
        self._selector = selectors.DefaultSelector()

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return any(not key.data.idle for key in self._selector.get_map().values())

    @property
    def crowded(self) -> bool:
        return len(self._selector.get_map()) > CROWD

    def customer(self) -> Customer:
        made = Customer(self)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        return made

    def leave(self, customer: Customer) -> None:
        if customer.socket.fileno() >= 0:
            self._selector.unregister(customer.socket)
            customer.socket.close()

    def answers(self, patience: float | None) -> Iterator[tuple[Customer, int]]:
        """Those who were answered, and the status of each."""
        for key, _ in self._selector.select(patience):
            customer: Customer = key.data
            if customer.idle and customer.rested():
                self.leave(customer)
            elif (status := customer.status()) is not None:
                customer.idle, customer.answered = True, time.perf_counter()
                yield customer, status


def closed(url: str, first: int, orders: int, skus: int, connections: int, hot: int = 0) -> dict[str, Any]:
    place, refused, following, left = Place(url), 0, first, orders
    said = partial(request, skus=skus, hot=bool(hot))
    began = time.time()
    for _ in range(min(connections, orders)):
        place.customer().order(following, 0, said(following))
        following += 1
    while left:
        for customer, status in place.answers(None):
            if status == 503:
                refused += 1
                time.sleep(FULL_SECONDS)
                customer.order(customer.number, 0, said(customer.number))
                continue
            if status != 201:
                raise RuntimeError(f"expected 201, found {status}")
            left -= 1
            if following < first + orders:
                customer.order(following, 0, said(following))
                following += 1
    return {"began": began, "accepted": time.time(), "refused": refused}


def waits(step: int) -> bool:
    """Whether an order asks for its end: every second one, the other half in the next ten, so that all kinds do."""
    return (step + step // len(KINDS)) % 2 == 1


class Arrivals:
    """An open loop: `post` has the seconds of orders answered at once, `terminal` of those that waited for their end.

    An order whose wait ended before it did counts with the seconds waited, and in `unended`. Where so many wait that the
    rate is plainly beyond the system, the loop ends early, and every order it did not place counts in `failed`.
    """

    def __init__(self, url: str, first: int, skus: int) -> None:
        self._place, self._first, self._skus = Place(url), first, skus
        self._idle: list[Customer] = []
        self.found: dict[str, list[float]] = {"post": [], "terminal": []}
        self.failed = self.unended = self.placed = self._steps = 0

    def run(self, rate: float, seconds: float) -> None:
        self._steps, start = int(rate * seconds), time.perf_counter() + FULL_SECONDS
        while self.placed < self._steps or self._place.waiting:
            while self._room and (due := start + self.placed / rate) <= time.perf_counter():
                self._order(self.placed, due)
                self.placed += 1
            left = start + self.placed / rate - time.perf_counter()
            self._hear(max(0.0, left) if self.placed < self._steps else None)
            if self._place.crowded and self.placed < self._steps:
                self.failed += self._steps - self.placed
                self.stop()

    @property
    def _room(self) -> bool:
        return self.placed < self._steps and not self._place.crowded

    def stop(self) -> None:
        """Place no more; those who wait are still heard."""
        self._steps = self.placed

    def _order(self, step: int, due: float) -> None:
        while self._idle and self._idle[-1].stale:
            self._place.leave(self._idle.pop())
        customer = self._idle.pop() if self._idle else self._place.customer()
        customer.waits = waits(step)
        number = self._first + step
        customer.order(number, due, request(number, self._skus, WAIT if customer.waits else b""))

    def _hear(self, patience: float | None) -> None:
        for customer, status in self._place.answers(patience):
            self._idle.append(customer)
            if status != 201:
                self.failed += 1
                continue
            self.found["terminal" if customer.waits else "post"].append(time.perf_counter() - customer.due)
            self.unended += customer.waits and customer.pending


def opened(url: str, first: int, rate: float, seconds: float, skus: int) -> dict[str, Any]:
    """Ends early when the process is told to."""
    arrivals = Arrivals(url, first, skus)
    signal.signal(signal.SIGTERM, lambda *_: arrivals.stop())
    arrivals.run(rate, seconds)
    counts = {"placed": arrivals.placed, "failed": arrivals.failed, "unended": arrivals.unended}
    return {**arrivals.found, **counts, "rate": rate}


def main(words: list[str]) -> None:
    kind, url, *rest = words
    numbers = [float(word) for word in rest]
    if kind == "closed":
        result = closed(url, *map(int, numbers))
    else:
        first, rate, seconds, skus = numbers
        result = opened(url, int(first), rate, seconds, int(skus))
    print(json.dumps({**result, "cpu": time.process_time(), "peak": peak(os.getpid())}))


if __name__ == "__main__":
    main(sys.argv[1:])
