"""Makes orders by HTTP from a process of its own: `python -m benchmarks.load closed|open URL …`, JSON on standard output.

closed: so many connections, each placing its next order when the last was accepted.
open: orders are due at fixed times whatever the answers do, and each latency counts from when its order was due,
so a system that stalls cannot hide it (no coordinated omission). Every second order asks with `Prefer: wait` for
its end, which gives the time from placing to terminal status by the clock of who placed it.
"""

import asyncio
import json
import sys
import time
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.contestant import lines

WAIT: Final = b"Prefer: wait=30\r\n"


def body(number: int, skus: int) -> bytes:
    wanted = [{"sku": sku, "quantity": quantity, "unit_price": price} for sku, quantity, price in lines(number, skus)]
    customer = {"id": f"c-{number}", "email": f"customer{number}@example.com"}
    return json.dumps({"customer": customer, "currency": "USD", "lines": wanted}, separators=(",", ":")).encode()


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) >= length and self._answer:
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))

    async def post(self, content: bytes, headers: bytes = b"") -> int:
        """The status of the answer."""
        assert self._transport
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"POST /api/orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            + headers
            + b"Content-Length: %d\r\n\r\n" % len(content)
            + content
        )
        return await self._answer


async def connect(url: str) -> Connection:
    place = urlsplit(url)
    _, made = await asyncio.get_running_loop().create_connection(Connection, place.hostname, place.port)
    return made


async def closed(url: str, first: int, orders: int, skus: int, connections: int) -> dict[str, Any]:
    numbers = iter(range(first, first + orders))
    refused = 0

    async def customer() -> None:
        nonlocal refused
        connection = await connect(url)
        for number in numbers:
            content = body(number, skus)
            while (status := await connection.post(content)) == 503:
                refused += 1
                await asyncio.sleep(0.05)
            if status != 201:
                raise RuntimeError(f"expected 201, found {status}")

    began = time.time()
    await asyncio.gather(*(customer() for _ in range(connections)))
    return {"began": began, "accepted": time.time(), "refused": refused}


async def opened(url: str, first: int, rate: float, seconds: float, skus: int) -> dict[str, Any]:
    """Latencies in seconds: `post` of orders answered at once, `terminal` of those that waited for their end."""
    idle: list[Connection] = []
    found: dict[str, list[float]] = {"post": [], "terminal": []}
    failed = 0

    async def order(number: int, due: float) -> None:
        nonlocal failed
        connection = idle.pop() if idle else await connect(url)
        waits = number % 2 == 1
        status = await connection.post(body(number, skus), WAIT if waits else b"")
        if status == 201:
            found["terminal" if waits else "post"].append(time.perf_counter() - due)
        else:
            failed += 1
        idle.append(connection)

    tasks = set()
    start = time.perf_counter() + 0.05
    for step in range(int(rate * seconds)):
        due = start + step / rate
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        tasks.add(task := asyncio.create_task(order(first + step, due)))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return {**found, "failed": failed, "rate": rate}


def main(words: list[str]) -> None:
    kind, url, *rest = words
    numbers = [float(word) for word in rest]
    if kind == "closed":
        first, orders, skus, connections = map(int, numbers)
        result = asyncio.run(closed(url, first, orders, skus, connections))
    else:
        first, rate, seconds, skus = numbers
        result = asyncio.run(opened(url, int(first), rate, seconds, int(skus)))
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
