"""What a transport tells about its groups to someone who is in none of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from farandole.messaging.transport import Partition


class Group(NamedTuple):
    """A consumer group: how many members it has, and the offset to read next of each partition it ever committed."""

    members: int
    committed: Mapping[Partition, int]


class Sight(NamedTuple):
    """Groups by name, and the first and the next offset of every partition."""

    groups: Mapping[str, Group]
    begins: Mapping[Partition, int]
    ends: Mapping[Partition, int]


class Inspection(Protocol):
    """Looks from outside; used by one thread."""

    def look(self, groups: Sequence[str], topics: Sequence[str]) -> Sight:
        """Groups and logs as they are now; raises Transient while the transport is away."""

    def partition(self, topic: str, key: str) -> Partition:
        """Where the records of a key are, as far as the last look knows."""
