"""A member of a group as the kernel is one: it begins at the committed offset, else at the log's beginning."""

from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from farandole.messaging.envelope import Message, Record
from farandole.messaging.failure import Transient
from farandole.messaging.transport import Opening, Partition, Publisher, Transport
from farandole.proof.ground.waiting import PATIENCE, drive_until

POLL_SECONDS = 0.05


class Member:
    """Polls, begins what is assigned, and keeps what it heard."""

    def __init__(self, transport: Transport, group: str, topics: Sequence[str]) -> None:
        self.heard: list[Record] = []
        self.openings: dict[Partition, Opening] = {}
        self.owned: set[Partition] = set()
        self.revoked: list[frozenset[Partition]] = []
        self.subscription = transport.subscribe(group, topics, self._revoke)
        self._next: dict[Partition, int] = {}

    def poll(self, limit: int = 500, patience: float = POLL_SECONDS) -> list[Record]:
        """Takes what waits and begins what was assigned."""
        with suppress(Transient):
            self._begin()
        found = self.subscription.poll(limit, patience)
        self.heard += found
        self._next |= {Partition(record.topic, record.partition): record.offset + 1 for record in found}
        return found

    def hear(self, count: int, seconds: float = PATIENCE) -> list[Record]:
        """Polls until this many records were heard in all."""
        drive_until(lambda: len(self.heard) >= count, self.poll, seconds)
        return self.heard

    def commit(self) -> None:
        """Remembers for the group everything heard so far."""
        self.subscription.commit(self._next, wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.subscription.close()

    def _begin(self) -> None:
        found = self.subscription.openings()
        offsets = {opening.partition: _start(opening) for opening in found}
        self.subscription.begin(offsets)
        self.openings |= {opening.partition: opening for opening in found}
        self.owned |= offsets.keys()

    def _revoke(self, partitions: frozenset[Partition]) -> None:
        self.revoked.append(partitions)
        self.owned -= partitions
        self._next = {at: offset for at, offset in self._next.items() if at not in partitions}


def _start(opening: Opening) -> int:
    return opening.begins if opening.committed is None else opening.committed


def say(publisher: Publisher, messages: Sequence[Message]) -> None:
    """Publishes and waits until every message is durable."""
    receipt = publisher.publish(messages)
    drive_until(lambda: receipt.done, lambda: publisher.poll(POLL_SECONDS))


def messages(topic: str, count: int, keys: int = 7) -> list[Message]:
    """Numbered messages, spread over some keys."""
    return [Message(topic, f"key-{n % keys}", b"%d" % n, (("ce_id", b"id-%d" % n), ("n", b""))) for n in range(count)]


def first_values(records: Sequence[Record]) -> dict[bytes | None, list[int]]:
    """Per key the numbers heard, each at its first hearing."""
    seen: dict[bytes | None, dict[int, None]] = {}
    for record in records:
        seen.setdefault(record.key, {}).setdefault(int(record.value or b""))
    return {key: list(numbers) for key, numbers in seen.items()}


def expected_values(said: Sequence[Message]) -> dict[bytes | None, list[int]]:
    """Per key the numbers said, in order."""
    numbers: dict[bytes | None, list[int]] = {}
    for message in said:
        numbers.setdefault(message.key.encode(), []).append(int(message.value))
    return numbers
