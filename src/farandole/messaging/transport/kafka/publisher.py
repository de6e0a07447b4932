"""Publishing to Kafka: nothing is done before its delivery report, nothing is forgotten without one."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from farandole.messaging.envelope import Message
from farandole.messaging.failure import Transient
from farandole.messaging.transport.kafka.driver import (
    REQUEST_SECONDS,
    Delivered,
    KafkaError,
    KafkaException,
    Producer,
    kafka_error,
    sentence,
)

FULL_SECONDS: Final = 1.0
"""How long publishing waits for room in the client's queue."""
AT_ONCE_SECONDS: Final = 0.002
"""How long publishing heeds what it has just sent: only a flush sends a batch whole and without delay."""
RESTORE_SECONDS: Final = 1.0
"""The least time between two producers of one publisher."""

_log: Final = structlog.stdlib.get_logger(__name__)


class KafkaReceipt:
    """Counts down what is not yet durable."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    @property
    def done(self) -> bool:
        return self.left == 0


class KafkaPublisher:
    """Keeps messages until they are durable; a producer that lost one is replaced, and all kept are sent again."""

    def __init__(self, make: Callable[[], Producer], prefix: str) -> None:
        self._make = make
        self._prefix = prefix
        self._producer = make()
        self._kept: dict[int, tuple[Message, KafkaReceipt]] = {}
        self._reports: dict[int, KafkaError | None] = {}
        self._next = 0
        self._failure: KafkaError | None = None
        self._restore_at = 0.0

    def publish(self, messages: Sequence[Message]) -> KafkaReceipt:
        self.poll(0)
        if self._failure is not None:
            raise Transient(f"expected Kafka to take messages, found {self._failure.str()}")
        receipt = KafkaReceipt(len(messages))
        for message in messages:
            self._keep(message, receipt)
        if messages:
            self._settle(AT_ONCE_SECONDS)
        return receipt

    def poll(self, patience: float) -> None:
        self._heed(patience)
        if self._failure is not None and time.monotonic() >= self._restore_at:
            self._restore()

    def close(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while self._kept and (left := deadline - time.monotonic()) > 0:
            if self._failure is None:
                self._settle(left)
            self.poll(max(0.0, min(left, self._restore_at - time.monotonic())))
        durable = not self._kept
        self._discard()
        return durable

    def _keep(self, message: Message, receipt: KafkaReceipt) -> None:
        number, deadline = self._next, time.monotonic() + FULL_SECONDS
        while True:
            try:
                self._send(number, message)
            except BufferError:
                if time.monotonic() >= deadline:
                    raise Transient(
                        f"expected room in Kafka's queue, found {len(self._kept)} messages waiting"
                    ) from None
                self._heed(0.05)
            except KafkaException as error:
                raise Transient(sentence(error, self._prefix + message.topic)) from error
            else:
                break
        self._kept[number] = (message, receipt)
        self._next += 1

    def _send(self, number: int, message: Message) -> None:
        self._producer.produce(
            self._prefix + message.topic,
            message.value,
            message.key,
            on_delivery=partial(self._reported, number),
            headers=list(message.headers),
        )

    def _reported(self, number: int, error: KafkaError | None, _: Delivered) -> None:
        """Only write it down: a fatal error may be on its way through the client, and would end any call from here."""
        self._reports[number] = error

    def _restore(self) -> None:
        _log.warning("kafka.producer_replaced", error=str(self._failure), messages=len(self._kept))
        self._discard()
        self._producer, self._failure = self._make(), None
        self._restore_at = time.monotonic() + RESTORE_SECONDS
        for number, (message, _) in list(self._kept.items()):
            try:
                self._send(number, message)
            except (BufferError, KafkaException) as error:
                self._failure = kafka_error(error)
                return

    def _discard(self) -> None:
        self._producer.purge()
        self._settle(REQUEST_SECONDS)

    def _heed(self, patience: float) -> None:
        self._listen(self._producer.poll, patience)

    def _settle(self, patience: float) -> None:
        self._listen(self._producer.flush, patience)

    def _listen(self, serve: Callable[[float], int], patience: float) -> None:
        try:
            serve(patience)
        except KafkaException as error:
            self._failure = kafka_error(error)
        except SystemError as error:  # reports came after a fatal error in one call: each wraps what was raised before
            self._failure = kafka_error(_origin(error))
        for number, refusal in self._reports.items():
            if refusal is not None:
                self._failure = refusal
            elif kept := self._kept.pop(number, None):
                kept[1].left -= 1
        self._reports.clear()


def _origin(error: BaseException) -> KafkaException:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if not isinstance(cause, KafkaException):
        raise error
    return cause
