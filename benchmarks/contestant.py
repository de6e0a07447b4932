"""What every contestant must be able to do, so that all of them are measured by the same clock and the same meter."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

KINDS = ("completed",) * 8 + ("payment_failed", "out_of_stock")
"""What becomes of ten orders in a row: 80 % complete, 10 % are refused by payment, 10 % find no stock."""
SKUS = 100
"""Stock keeping units an order picks from; order `n` has the lines `n`, `n + 7` and `n + 31`, modulo this."""
LINES = (0, 7, 31)
SCARCE = "SCARCE"
"""A SKU of which there is nothing: what makes an order fail."""
RECEIVED = 1_000_000_000
STOCK = {**{f"SKU-{number:06}": RECEIVED for number in range(SKUS)}, SCARCE: 0}
"""What there is of every SKU."""
HOT = "SKU-HOT"
"""The SKU that is in every order, where that is asked for."""
STALL_SECONDS = 120
"""Longer than this without one more order at its end, and a run is given up."""
LOOK_SECONDS = 0.02
PAYMENT_LIMIT = "500.00"
"""An order of more than this is refused by payment."""


def lines(number: int, skus: int = SKUS, hot: bool = False) -> list[tuple[str, int, str]]:
    """The lines of one order: SKU, quantity, price each; its kind follows from its number; `hot`: all share a SKU."""
    kind = KINDS[number % len(KINDS)]
    price = "200.00" if kind == "payment_failed" else "12.50"
    names = [f"SKU-{(number + step) % skus:06}" for step in LINES]
    if hot:
        names[0] = HOT
    if kind == "out_of_stock":
        names[-1] = SCARCE
    return [(name, 1, price) for name in names]


def await_count(
    count: Callable[[], int], wanted: int, pause: float = LOOK_SECONDS, *, alive: Callable[[], bool] = lambda: True
) -> float:
    """When a count of orders reached what is wanted; raises when it stands still or a process has ended."""
    last, since = -1, time.time()
    while (found := count()) < wanted:
        if not alive():
            raise RuntimeError(f"a process ended after {found} of {wanted} orders")
        if found != last:
            last, since = found, time.time()
        elif time.time() - since > STALL_SECONDS:
            raise TimeoutError(f"expected {wanted} orders at their end, found {found}, none new for {STALL_SECONDS} s")
        time.sleep(pause)
    return time.time()


class Ground(Protocol):
    """The servers all contestants share: one Kafka broker, one PostgreSQL, both durable."""

    @property
    def bootstrap(self) -> str: ...
    def database(self, name: str) -> str:
        """The libpq URL (postgresql://…) of a new, empty database; the name is made unique."""

    def topic_prefix(self) -> str:
        """A prefix nobody used before."""

    def create_topics(self, names: Iterable[str], partitions: int) -> None: ...


@dataclass
class Play:
    """What one run gave: seconds from the first order accepted to the last step stored."""

    orders: int
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)


class Contestant(Protocol):
    """Entered: databases, topics, stock and processes are ready. Left: every process of its own has ended."""

    @property
    def name(self) -> str: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def processes(self) -> dict[str, Sequence[int]]:
        """Process ids by role; the role `load` is whoever only makes orders."""

    def play(self, orders: int) -> Play:
        """Make orders number 0 … orders-1 and wait until the last step of the last one is durable."""

    def violations(self) -> list[str]:
        """What is lost, doubled or oversold after the run: a run with any has no figure."""


Entry = AbstractContextManager[Contestant]
