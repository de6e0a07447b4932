"""One process's view of the broker: sending may fail, be late, arrive twice or after death; partitions come and go."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from farandole.messaging.envelope import Message, Record
from farandole.messaging.failure import Halt
from farandole.messaging.transport import Opening, Partition, Revoked
from farandole.proof.simulate.broker import Group, Member
from farandole.proof.simulate.fate import Fault
from farandole.proof.simulate.process import Process

DELAYED: Final = 1
UNTOLD: Final = 2
TWICE: Final = 3


class SimReceipt:
    def __init__(self, left: int) -> None:
        self.left = left

    @property
    def done(self) -> bool:
        return self.left == 0


@dataclass
class _Sent:
    message: Message
    receipt: SimReceipt
    landed: bool = False


class SimPublisher:
    """Keeps the order within a partition and no other; what was handed over may land although its sender died."""

    def __init__(self, process: Process, name: str) -> None:
        self._process = process
        self._work = "relaying" if name.endswith("-relay") else "publishing"
        self._queues: dict[Partition, deque[_Sent]] = {}

    def publish(self, messages: Sequence[Message]) -> SimReceipt:
        self._process.point(f"before {self._work}", Fault.NETWORK)
        receipt = SimReceipt(len(messages))
        for number, message in enumerate(messages):
            if number:
                self._process.point(f"in the middle of {self._work}", Fault.NETWORK)
            self._queues.setdefault(self._process.broker.partition(message), deque()).append(_Sent(message, receipt))
        self._deliver()
        self._process.point(f"after {self._work}", Fault.NETWORK)
        return receipt

    def poll(self, patience: float) -> None:
        self._process.rest(patience)
        self._deliver()

    def close(self, patience: float) -> bool:
        self._deliver()
        return not any(self._queues.values())

    def die(self) -> None:
        """What is under way may still arrive."""
        for at, queue in self._queues.items():
            while queue and self._process.suffer(f"late to {at.topic}", Fault.DELAY, 0.5):
                sent = queue.popleft()
                if not sent.landed:
                    self._land(sent, "after the death of its sender")
        self._queues = {}

    def _deliver(self) -> None:
        for at in sorted(self._queues):
            queue = self._queues[at]
            while queue:
                fate = self._process.suffer(f"to {at.topic}", Fault.DELAY, 0.2, 0.1, 0.05)
                if fate == DELAYED:
                    break
                if not queue[0].landed or fate == TWICE:
                    self._land(queue[0], "")
                    queue[0].landed = True
                if fate in (UNTOLD, TWICE):
                    break
                queue.popleft().receipt.left -= 1

    def _land(self, sent: _Sent, how: str) -> None:
        copies = dict(sent.message.headers)["ce_id"].decode() in self._process.broker.landed
        record = self._process.broker.land(sent.message)
        self._process.seen("a second copy landed" if copies else "an event landed")
        self._process.tell(f"→ {record.topic} {record.partition}/{record.offset} of {sent.message.key} {how}".rstrip())


class SimSubscription:
    """A member that learns at each poll what it gained, gave up or lost."""

    def __init__(self, process: Process, group: Group, revoked: Revoked) -> None:
        self.member = Member(process.name)
        self._process, self._group, self._revoked = process, group, revoked
        self._next: dict[Partition, int] = {}
        self._unopened: set[Partition] = set()
        self._paused = False
        group.join(self.member)

    @property
    def heard_all(self) -> bool:
        """Everything of its share is heard to the end."""
        logs = self._process.broker.logs
        return all(self._next.get(at) == len(logs[at]) for at in self._group.owned(self.member))

    def poll(self, limit: int, patience: float, gather: float = 0) -> list[Record]:
        self._process.point("before polling", Fault.NETWORK)
        self._rebalance()
        if self._paused:
            return []
        few = self._process.suffer("takes few", Fault.DELAY, 0.25, 0.1, 0.1)
        records: list[Record] = []
        for at in sorted(self._next, key=lambda at: (self._process.suffer("order of topics", Fault.DELAY, 0.5), at)):
            log = self._process.broker.logs[at]
            if self._next[at] > len(log):
                raise Halt(f"{at}: expected to read on at {self._next[at]}, found a log that ends at {len(log)}")
            taken = log[self._next[at] : self._next[at] + (few or limit) - len(records)]
            self._next[at] += len(taken)
            records += taken
        return records

    def openings(self) -> list[Opening]:
        if not self._unopened:
            return []
        self._process.point("before asking for offsets", Fault.NETWORK)
        return [self._opening(at) for at in sorted(self._unopened)]

    def _opening(self, at: Partition) -> Opening:
        broker = self._process.broker
        return Opening(at, broker.topic_ids[at.topic], self._group.committed.get(at), 0, len(broker.logs[at]))

    def begin(self, offsets: Mapping[Partition, int]) -> None:
        for at, offset in offsets.items():
            if at in self._unopened:
                self._unopened.remove(at)
                self._next[at] = offset

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def commit(self, offsets: Mapping[Partition, int], *, wait: bool = False) -> None:
        self._process.point("before committing offsets")
        if not wait and self._process.suffer("loses a commit", Fault.OFFSETS, 0.2):
            return
        fenced = [at for at in offsets if self._group.owners.get(at) is not self.member]
        if fenced:
            self._process.seen("a commit of offsets was fenced")
            return
        self._process.acknowledged(offsets)
        self._group.committed |= offsets
        self._process.point("after committing offsets")

    def close(self) -> None:
        if owned := frozenset(self._next) | self._unopened:
            self._revoked(owned)
        self._group.leave(self.member)
        self._next, self._unopened = {}, set()

    def _rebalance(self) -> None:
        if self.member.expelled:
            self._lost()
        share, mine = self._group.share(self.member), self._group.owned(self.member)
        if taken := frozenset(mine - share):
            self._process.tell(f"gives up {_named(taken)}")
            self._revoked(taken)
            self._forget(taken)
            for at in taken:
                del self._group.owners[at]
        for at in share - mine:
            if at not in self._group.owners:
                self._group.owners[at] = self.member
                self._unopened.add(at)

    def _lost(self) -> None:
        """Others have its partitions already."""
        self._process.seen("a zombie learned that it was expelled")
        lost = frozenset(self._next) | self._unopened
        self._process.tell(f"learns that it lost {_named(lost)}")
        self._revoked(lost)
        self._forget(lost)
        self.member = Member(self._process.name)
        self._group.join(self.member)

    def _forget(self, taken: frozenset[Partition]) -> None:
        self._next = {at: offset for at, offset in self._next.items() if at not in taken}
        self._unopened -= taken


def _named(partitions: frozenset[Partition]) -> str:
    return ", ".join(f"{at.topic}/{at.partition}" for at in sorted(partitions))


class SimTransport:
    """Clients of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.publishers: list[SimPublisher] = []
        self.subscriptions: list[SimSubscription] = []

    def publisher(self, name: str) -> SimPublisher:
        self._process.point("before connecting", Fault.NETWORK)
        self.publishers.append(SimPublisher(self._process, name))
        return self.publishers[-1]

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> SimSubscription:
        self._process.point("before subscribing", Fault.NETWORK)
        joined = self._process.broker.group(group, topics)
        self.subscriptions.append(SimSubscription(self._process, joined, revoked))
        return self.subscriptions[-1]

    def close(self) -> None:
        """Nothing is open."""
