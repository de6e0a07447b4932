"""A transport carries records: a durable, partitioned log with consumer groups. Every transport passes the same suite."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from farandole.messaging.envelope import Message, Record


class Partition(NamedTuple):
    """One partition of a topic, named without prefix."""

    topic: str
    partition: int


class Opening(NamedTuple):
    """A partition newly assigned to this member, to be begun at an offset the kernel chooses.

    `committed` is the group's offset (None: never), `begins` and `ends` the log's first and next offset."""

    partition: Partition
    topic_id: str
    committed: int | None
    begins: int
    ends: int


class Receipt(Protocol):
    """What publishing some messages gives: `done` once every one of them is durable, never before."""

    @property
    def done(self) -> bool: ...


class Publisher(Protocol):
    """Publishes messages at least once; used by one thread. A message is retried until it is durable."""

    def publish(self, messages: Sequence[Message]) -> Receipt:
        """Send messages and return at once; raises Transient when no more can be taken now."""

    def poll(self, patience: float) -> None:
        """Heed delivery reports, waiting at most `patience` seconds for one."""

    def close(self, patience: float) -> bool:
        """Wait at most `patience` seconds for what is under way; whether all of it is durable."""


class Subscription(Protocol):
    """One member of a consumer group; used by one thread, which must poll to stay a member."""

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        """Records waiting now, in order per partition, at most `limit`; waits up to `patience` seconds for the first and
        up to `gather` for the others. None is of a partition that was taken away meanwhile.
        Raises Halt when the log no longer has what should be read next, Transient when away."""

    def openings(self) -> list[Opening]:
        """Partitions assigned and not yet begun (again on each call until begun); raises Transient when the transport is away."""

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        """Begin reading these partitions at these offsets."""

    def pause(self) -> None:
        """Deliver nothing until resumed, staying a member."""

    def resume(self) -> None: ...

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        """Remember for the group the offsets to read next. A commit refused because the member was fenced is ignored."""

    def close(self) -> None: ...


Revoked = Callable[[frozenset[Partition]], None]
"""Told, in the polling thread and before another member may begin, which partitions are taken away."""


class Transport(Protocol):
    """Where records travel; clients are made in the process that uses them."""

    def publisher(self, name: str) -> Publisher: ...

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> Subscription:
        """Join a group; raises Transient, naming what to do, while the transport or one of the topics is missing."""

    def close(self) -> None: ...
