"""Saying into the embedded log: a message is durable once the commit that carries it is on disk."""

import threading
from collections.abc import Callable, Sequence

from farandole.messaging.envelope import Message


class EmbeddedReceipt:
    """Done once the commit that carries its messages is on disk."""

    def __init__(self) -> None:
        self.durable = threading.Event()

    @property
    def done(self) -> bool:
        return self.durable.is_set()


class EmbeddedPublisher:
    """Hands messages to the log's writer."""

    def __init__(self, write: Callable[[Sequence[Message]], EmbeddedReceipt]) -> None:
        self._write = write
        self._last: EmbeddedReceipt | None = None

    def publish(self, messages: Sequence[Message]) -> EmbeddedReceipt:
        if messages:
            self._last = self._write(tuple(messages))
            return self._last
        receipt = EmbeddedReceipt()
        receipt.durable.set()
        return receipt

    def poll(self, patience: float) -> None:
        if patience > 0 and self._last:
            self._last.durable.wait(patience)

    def close(self, patience: float) -> bool:
        return self._last is None or self._last.durable.wait(patience)
