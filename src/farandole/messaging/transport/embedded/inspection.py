"""The embedded log as seen from outside: it has one partition a topic, and its members are threads of this process."""

from collections.abc import Sequence

from farandole.messaging.transport import Partition
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.messaging.transport.inspection import Group, Sight


class EmbeddedInspection:
    def __init__(self, transport: EmbeddedTransport) -> None:
        self._transport = transport

    def look(self, groups: Sequence[str], topics: Sequence[str]) -> Sight:
        committed = self._transport.committed()
        ends = {Partition(topic, 0): end for topic, end in self._transport.ends.copy().items() if topic in topics}
        found = {
            group: Group(
                self._transport.members(group),
                {Partition(topic, 0): at for (member, topic), at in committed.items() if member == group},
            )
            for group in groups
        }
        return Sight(found, dict.fromkeys(ends, 0), ends)

    def partition(self, topic: str, key: str) -> Partition:
        return Partition(topic, 0)
