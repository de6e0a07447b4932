"""Makes orders by HTTP from a process of its own: `python -m benchmarks.load closed|open URL …`, JSON on standard output.

closed: so many connections, each placing its next order when the last was accepted.
open: orders are due at fixed times whatever the answers do, and each latency counts from when its order was due,
so a system that stalls cannot hide it (no coordinated omission). Every second order asks with `Prefer: wait` for
its end, which gives the time from placing to terminal status by the clock of who placed it.

Sockets and epoll without a framework: a load generator shares the machine with what it measures.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.contestant import lines

WAIT: Final = b"Prefer: wait=30\r\n"
FULL_SECONDS: Final = 0.05
"""Pause after an answer 503."""
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
        self.number, self.due, self.idle = 0, 0.0, True
        self._answer = b""

    def order(self, number: int, due: float, content: bytes) -> None:
        self.number, self.due, self.idle = number, due, False
        self.socket.sendall(content)

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

    def customer(self) -> Customer:
        made = Customer(self)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        return made

    def leave(self, customer: Customer) -> None:
        self._selector.unregister(customer.socket)
        customer.socket.close()

    def answers(self, patience: float | None) -> Iterator[tuple[Customer, int]]:
        """Those who were answered, and the status of each."""
        for key, _ in self._selector.select(patience):
            customer: Customer = key.data
            if customer.idle and customer.rested():
                self.leave(customer)
            elif (status := customer.status()) is not None:
                customer.idle = True
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


def opened(url: str, first: int, rate: float, seconds: float, skus: int) -> dict[str, Any]:
    """Latencies in seconds: `post` of orders answered at once, `terminal` of those that waited for their end."""
    place, steps = Place(url), int(rate * seconds)
    idle: list[Customer] = []
    found: dict[str, list[float]] = {"post": [], "terminal": []}
    failed = step = 0
    start = time.perf_counter() + FULL_SECONDS
    while step < steps or place.waiting:
        while step < steps and (due := start + step / rate) <= time.perf_counter():
            while idle and idle[-1].socket.fileno() < 0:
                idle.pop()
            customer = idle.pop() if idle else place.customer()
            customer.order(first + step, due, request(first + step, skus, WAIT if step % 2 else b""))
            step += 1
        patience = max(0.0, start + step / rate - time.perf_counter()) if step < steps else None
        for customer, status in place.answers(patience):
            if status == 201:
                waited = (customer.number - first) % 2
                found["terminal" if waited else "post"].append(time.perf_counter() - customer.due)
            else:
                failed += 1
            idle.append(customer)
    return {**found, "failed": failed, "rate": rate}


def main(words: list[str]) -> None:
    kind, url, *rest = words
    numbers = [float(word) for word in rest]
    if kind == "closed":
        result = closed(url, *map(int, numbers))
    else:
        first, rate, seconds, skus = numbers
        result = opened(url, int(first), rate, seconds, int(skus))
    print(json.dumps({**result, "cpu": time.process_time()}))


if __name__ == "__main__":
    main(sys.argv[1:])
