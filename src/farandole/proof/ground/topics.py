"""Everything that the topics of a cluster hold, as facts for the invariants over the topics."""

import uuid

from farandole.contract.facts import RecordFact
from farandole.messaging.envelope import Record
from farandole.messaging.transport import Partition
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground.waiting import drive_until
from farandole.proof.records import record_fact
from farandole.runtime.settings import load
from farandole.runtime.wiring import TOPICS


def record_facts(bootstrap: str, prefix: str) -> list[RecordFact]:
    """Every record up to the ends found at the start, read by a group of its own; causes are read after effects."""
    reader = KafkaTransport(bootstrap, prefix=prefix).subscribe(f"reader-{uuid.uuid4()}", TOPICS, lambda _: None)
    ends: dict[Partition, int] = {}
    found: list[Record] = []

    def read() -> None:
        found.extend(reader.poll(1000, 0.1))
        if openings := reader.openings():
            ends.update({opening.partition: opening.ends for opening in openings})
            reader.begin({opening.partition: opening.begins for opening in openings})

    everything = len(TOPICS) * load({}).partitions
    drive_until(lambda: len(ends) == everything and len(found) >= sum(ends.values()), read, seconds=60)
    reader.close()
    return [record_fact(record) for record in found]
