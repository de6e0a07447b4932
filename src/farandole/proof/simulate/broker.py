"""A broker in memory: partitioned logs, and groups whose members come, stall and are expelled."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from zlib import crc32

from farandole.messaging.envelope import Message, Record
from farandole.messaging.transport import Partition

SESSION_SECONDS = 6.0


class Member:
    """A member of a group as the broker knows it; `silent_since` is when its process stopped or died."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.silent_since: float | None = None
        self.expelled = False


class Group:
    """Who may read which partition, and how far the group is."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self.partitions = tuple(partitions)
        self.members: list[Member] = []
        self.owners: dict[Partition, Member] = {}
        self.committed: dict[Partition, int] = {}
        self.turned = 0

    def join(self, member: Member) -> None:
        self.members.append(member)

    def leave(self, member: Member) -> None:
        """The member goes, and its partitions are free."""
        if member in self.members:
            self.members.remove(member)
        self.owners = {at: owner for at, owner in self.owners.items() if owner is not member}

    def expel(self, now: float) -> list[Member]:
        """Members that were silent for too long."""
        gone = [m for m in self.members if m.silent_since is not None and now - m.silent_since >= SESSION_SECONDS]
        for member in gone:
            member.expelled = True
            self.leave(member)
        return gone

    def share(self, member: Member) -> set[Partition]:
        """What a member should read: the partitions in turn among the members, beginning somewhere else after each shuffle."""
        if member not in self.members:
            return set()
        place = self.members.index(member)
        return {at for number, at in enumerate(self.partitions, self.turned) if number % len(self.members) == place}

    @property
    def attended(self) -> bool:
        """Every partition has a reader that is alive."""
        owners = [self.owners.get(at) for at in self.partitions]
        return all(owner is not None and owner.silent_since is None for owner in owners)

    def owned(self, member: Member) -> set[Partition]:
        return {at for at, owner in self.owners.items() if owner is member}


class Broker:
    """Topics and groups; what has landed is durable."""

    def __init__(self, topics: Sequence[str], partitions: int, wall: Callable[[], int]) -> None:
        self.logs: dict[Partition, list[Record]] = {
            Partition(topic, number): [] for topic in topics for number in range(partitions)
        }
        self.topic_ids = {topic: f"id-of-{topic}" for topic in topics}
        self.groups: dict[str, Group] = {}
        self.landed: set[str] = set()
        self._partitions, self._wall = partitions, wall
        self._numbers: dict[str, count[int]] = defaultdict(count)

    def partition(self, message: Message) -> Partition:
        return Partition(message.topic, crc32(message.key.encode()) % self._partitions)

    def land(self, message: Message) -> Record:
        """Append a message to its partition."""
        at = self.partition(message)
        record = Record(*at, len(self.logs[at]), message.key.encode(), message.value, message.headers, self._wall())
        self.logs[at].append(record)
        self.landed.add(dict(message.headers).get("ce_id", b"").decode(errors="replace"))
        return record

    def group(self, name: str, topics: Sequence[str]) -> Group:
        if name not in self.groups:
            self.groups[name] = Group([at for at in self.logs if at.topic in topics])
        return self.groups[name]

    def records(self) -> list[Record]:
        return [record for log in self.logs.values() for record in log]
