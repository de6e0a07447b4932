"""Hearing from the embedded log: the first member of a group has every partition."""

import threading
from collections.abc import Mapping
from time import sleep
from typing import TYPE_CHECKING

from farandole.messaging.envelope import Record
from farandole.messaging.failure import Halt
from farandole.messaging.transport import Opening, Partition, Revoked

if TYPE_CHECKING:
    from farandole.messaging.transport.embedded import EmbeddedTransport


class EmbeddedSubscription:
    """A member of a group; `news` wakes it, `topics` begin with the one whose turn it is to be read first."""

    def __init__(self, transport: "EmbeddedTransport", group: str, topics: tuple[str, ...], revoked: Revoked) -> None:
        self.group, self.topics = group, topics
        self.news = threading.Condition(transport.lock)
        self._transport, self._revoked = transport, revoked
        self._next: dict[str, int] = {}
        self._paused = False

    def openings(self) -> list[Opening]:
        if self._next or not self._transport.owns(self):
            return []
        committed = self._transport.committed()
        ids, ends = self._transport.topic_ids, self._transport.ends
        return [Opening(Partition(t, 0), ids[t], committed.get((self.group, t)), 0, ends[t]) for t in self.topics]

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        self._next |= {partition.topic: offset for partition, offset in offsets.items()}

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        with self.news:
            if not self._waiting():
                self.news.wait(patience)
            waiting = self._waiting()
        if not waiting:
            return []
        sleep(gather)
        records: list[Record] = []
        for topic in waiting:
            records += self._read(topic, limit - len(records))
        self.topics = (*self.topics[1:], self.topics[0])
        return records

    def _waiting(self) -> list[str]:
        if self._paused:
            return []
        ends = self._transport.ends
        for topic in self.topics:
            if topic in self._next and self._next[topic] > ends[topic]:
                raise Halt(
                    f"{topic}/0: expected to read on at {self._next[topic]}, found a log that ends at {ends[topic]}"
                )
        return [topic for topic in self.topics if topic in self._next and self._next[topic] < ends[topic]]

    def _read(self, topic: str, limit: int) -> list[Record]:
        if limit <= 0:
            return []
        records = self._transport.read(topic, self._next[topic], limit)
        if records:
            self._next[topic] = records[-1].offset + 1
        return records

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        places = {(self.group, partition.topic): offset for partition, offset in offsets.items()}
        receipt = self._transport.write((), places)
        if wait:
            receipt.durable.wait(5)

    def close(self) -> None:
        if self._next:
            self._revoked(frozenset(Partition(topic, 0) for topic in self._next))
            self._next = {}
        self._transport.leave(self)
