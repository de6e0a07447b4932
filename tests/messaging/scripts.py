"""A transport that does what a test says: what is heard, which answers are acknowledged, which partitions are taken away."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from farandole.messaging.envelope import Message, Record
from farandole.messaging.transport import Opening, Partition, Revoked


class Clock:
    """Microseconds; each look takes one."""

    def __init__(self) -> None:
        self.now = 1_767_268_800_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)


@dataclass
class Slip:
    """A receipt that is done when the test says so."""

    messages: tuple[Message, ...]
    done: bool = False


@dataclass
class Script:
    """Everything that happened, in lists; `acknowledge_after` polls everything published is acknowledged."""

    topics: Sequence[str] = ("order.validated",)
    partitions: int = 2
    begins: int = 0
    heard: deque[list[Record]] = field(default_factory=deque)
    published: list[Slip] = field(default_factory=list)
    committed: list[dict[Partition, int]] = field(default_factory=list)
    begun: dict[Partition, int] = field(default_factory=dict)
    paused: bool = False
    closed: bool = False
    polls: int = 0
    acknowledge_after: int | None = None
    revoked: Revoked = lambda partitions: None

    def publisher(self, name: str) -> "Saying":
        return Saying(self)

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> "Hearing":
        self.revoked = revoked
        return Hearing(self)

    def close(self) -> None: ...

    def acknowledge(self) -> None:
        """Everything published so far is durable."""
        for slip in self.published:
            slip.done = True


class Saying:
    """Keeps what is published."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def publish(self, messages: Sequence[Message]) -> Slip:
        slip = Slip(tuple(messages), done=not messages)
        self._script.published.append(slip)
        return slip

    def poll(self, patience: float) -> None:
        script = self._script
        if script.acknowledge_after is not None:
            script.acknowledge_after -= 1
            if script.acknowledge_after <= 0:
                script.acknowledge()

    def close(self, patience: float) -> bool:
        return all(slip.done for slip in self._script.published)


class Hearing:
    """The one member of the group."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        self._script.polls += 1
        if self._script.paused or not self._script.heard:
            return []
        return self._script.heard.popleft()

    def openings(self) -> list[Opening]:
        script = self._script
        if script.begun:
            return []
        places = [Partition(topic, number) for topic in script.topics for number in range(script.partitions)]
        return [Opening(place, f"id-of-{place.topic}", None, script.begins, script.begins) for place in places]

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        self._script.begun |= offsets

    def pause(self) -> None:
        self._script.paused = True

    def resume(self) -> None:
        self._script.paused = False

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        self._script.committed.append(dict(offsets))

    def close(self) -> None:
        self._script.closed = True
