"""Everything that the topics hold, read as any service reads them."""

from uuid import uuid4

from farandole.messaging.envelope import Record
from farandole.messaging.transport import Partition, Transport
from farandole.proof.ground.waiting import drive_until
from farandole.runtime.wiring import TOPICS


def everything(transport: Transport, partitions: int) -> list[Record]:
    """Every record of every topic, up to the ends found at the start, by a group of its own; `partitions` are those of all topics."""
    reader = transport.subscribe(f"reader-{uuid4()}", TOPICS, lambda _: None)
    ends: dict[Partition, int] = {}
    found: list[Record] = []

    def read() -> None:
        found.extend(reader.poll(2000, 0.1))
        if openings := reader.openings():
            ends.update({opening.partition: opening.ends for opening in openings})
            reader.begin({opening.partition: opening.begins for opening in openings})

    drive_until(lambda: len(ends) == partitions and len(found) >= sum(ends.values()), read)
    reader.close()
    return found
