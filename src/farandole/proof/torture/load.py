"""Customers who place orders whatever happens: each asks under one Idempotency-Key until it has an answer.

An order is acknowledged when it was answered 201. A request that was sent and never answered is ambiguous: its order may be
there. What it was is told by the next answer under the same key, whose `placed_at` is before or after the request was repeated.
"""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from farandole.messaging.envelope import microseconds
from farandole.proof.torture import seen, wishes
from farandole.proof.torture.loops import Loop

CUSTOMERS: Final = 64
PATIENCE: Final = 6.0
"""Seconds that a customer waits for an answer before asking another process."""
AGAIN_SECONDS: Final = 0.1
LAST_SECONDS: Final = 90.0
"""Seconds that the last orders may take once the faults are over."""
RECEIPT_SECONDS: Final = 0.5
_LENGTH: Final = b"content-length: "

Addresses = Callable[[str], Sequence[str]]
"""Where the processes of a service listen now."""


class _Placed(msgspec.Struct):
    id: str
    placed_at: str


class Unanswered(Exception):
    """A request was not answered; `sent` says whether it may have been heard."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__(sent)
        self.sent = sent


class Load:
    """Places `rate` orders a second; after an outage what is late is placed as fast as it is answered."""

    def __init__(self, loop: Loop, addresses: Addresses, rate: float, name: str) -> None:
        self.acknowledged: dict[str, int] = {}
        """Numbers of acknowledged orders, by id."""
        self.received: Counter[str] = Counter()
        """Goods acknowledged, by SKU."""
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.placed = 0
        self._loop, self._addresses, self._rate, self._name = loop, addresses, rate, name
        self._pending: Counter[str] = Counter()
        self._idle: dict[str, deque[_Line]] = defaultdict(deque)
        self._busy: set[_Line] = set()
        self._tasks: list[asyncio.Future[None]] = []
        self._over = False
        self._began = 0.0

    def start(self) -> None:
        """Fill the shelves, then let customers in."""
        for sku in wishes.HOT:
            self._loop.run(self._receive(sku, wishes.PLENTY, f"{sku}-first"), LAST_SECONDS)
        for sku in wishes.SCARCE:
            self._loop.run(self._receive(sku, wishes.FEW, f"{sku}-first"), LAST_SECONDS)

        def begin() -> None:
            self._began = time.monotonic()
            self._tasks = [asyncio.ensure_future(self._customer()) for _ in range(CUSTOMERS)]
            self._tasks.append(asyncio.ensure_future(self._goods()))

        self._loop.call(begin)

    def stop(self) -> None:
        """Place no more, and see every order that was begun acknowledged."""
        self._over = True

        async def finish() -> None:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            if late:
                self.wrong.append(f"{len(late)} customers have no answer {LAST_SECONDS:.0f} s after the last fault")
            for failed in [task for task in self._tasks if task.done() and not task.cancelled() and task.exception()]:
                self.wrong.append(f"a customer failed: {failed.exception()!r}")

        self._loop.run(finish(), LAST_SECONDS + 30)
        self.abandon()

    def abandon(self) -> None:
        """Send everybody home without an answer."""

        def leave() -> None:
            for task in self._tasks:
                task.cancel()
            for line in [line for lines in self._idle.values() for line in lines]:
                line.close()

        self._over = True
        self._loop.call(leave)

    def pending(self, url: str) -> int:
        """Requests that a process has not answered."""
        return self._pending[url]

    def hang_up(self) -> int:
        """Break every connection on which an answer is due; how many these are."""

        def cut() -> int:
            for line in self._busy:
                line.close()
            return len(self._busy)

        return self._loop.call(cut)

    async def _customer(self) -> None:
        while not self._over:
            number, self.placed = self.placed, self.placed + 1
            early = self._began + number / self._rate - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            await self._order(number)

    async def _order(self, number: int) -> None:
        twins = 2 if number % 41 == 0 else 1  # at the same time, at two processes
        ids = set(await asyncio.gather(*(self._acknowledge(number, turn, alone=twins == 1) for turn in range(twins))))
        if number % 31 == 0:  # and the same order later, at another process
            ids.add(await self._acknowledge(number, 1, alone=False))
        if len(ids) > 1:
            self.wrong.append(f"order {number} was asked for under one key and answered with {sorted(map(str, ids))}")

    async def _acknowledge(self, number: int, turn: int, *, alone: bool) -> str | None:
        """The id of an order, asked for until it is answered."""
        body, unanswered = wishes.wish(number).body, 0
        while True:
            asked_at = time.time_ns() // 1000
            status, answer, sent = await self._ask("order", number + turn, ("/api/orders", f"{number}", body))
            turn += 1
            if status == 201:
                placed = msgspec.json.decode(answer, type=_Placed)
                self.acknowledged[placed.id] = number
                if unanswered and alone:
                    before = microseconds(placed.placed_at) < asked_at
                    self.seen[seen.AMBIGUOUS_COMMITTED if before else seen.AMBIGUOUS_NOT_COMMITTED] += 1
                return placed.id
            if status not in (0, 503):
                self.wrong.append(f"order {number}: expected 201 or 503, found {status}: {answer[:200]!r}")
                return None
            unanswered += sent
            await asyncio.sleep(AGAIN_SECONDS)

    async def _goods(self) -> None:
        number = 0
        while not self._over:
            number += 1
            await self._receive(wishes.SCARCE[number % len(wishes.SCARCE)], 2, f"goods-{number}")
            await asyncio.sleep(RECEIPT_SECONDS)

    async def _receive(self, sku: str, quantity: int, key: str) -> None:
        turn = 0
        while True:
            wanted = (f"/api/stock/{sku}/receipts", key, b'{"quantity":%d}' % quantity)
            status, answer, _ = await self._ask("inventory", turn, wanted)
            turn += 1
            if status == 201:
                self.received[sku] += quantity
                return
            if status not in (0, 503):
                self.wrong.append(f"receipt {key}: expected 201 or 503, found {status}: {answer[:200]!r}")
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _ask(self, service: str, turn: int, wanted: tuple[str, str, bytes]) -> tuple[int, bytes, bool]:
        """Status and body of the answer, 0 without one, and whether the request may have been heard all the same."""
        urls = self._addresses(service)
        url = urls[turn % len(urls)]
        self._pending[url] += 1
        try:
            status, answer = await self._exchange(url, _request(*wanted, self._name))
        except Unanswered as nothing:
            self.answers["none"] += 1
            return 0, b"", nothing.sent
        finally:
            self._pending[url] -= 1
        self.answers[str(status)] += 1
        return status, answer, False

    async def _exchange(self, url: str, request: bytes) -> tuple[int, bytes]:
        lines = self._idle[url]
        line = lines.pop() if lines else _Line()
        sent = False
        try:
            async with asyncio.timeout(PATIENCE):
                await line.dial(url)
                sent = True
                self._busy.add(line)
                answer = await line.ask(request)
        except (OSError, EOFError, TimeoutError):
            line.close()
            raise Unanswered(sent=sent) from None
        except BaseException:
            line.close()
            raise
        finally:
            self._busy.discard(line)
        lines.append(line)
        return answer


class _Line:
    """A keep-alive HTTP/1.1 connection, one request at a time."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def dial(self, url: str) -> None:
        if self._reader is not None and self._reader.at_eof():
            self.close()
        if self._writer is None:
            parts = urlsplit(url)
            self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        reader = self._reader  # a line may be closed while an answer is awaited
        assert reader is not None
        assert self._writer is not None
        self._writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[at : head.index(b"\r", at)])
        return int(head[9:12]), await reader.readexactly(length)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


def _request(path: str, key: str, body: bytes, name: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: torture\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {name}-{key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
