"""The embedded log says that something is durable when it is on disk, and a full disk delays it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

import pytest

from farandole.messaging.database import Transaction
from farandole.messaging.failure import Transient
from farandole.messaging.transport import Partition, embedded
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.proof.ground.waiting import drive_until, pause
from tests.transport.members import Member, expected_values, first_values, messages

TOPIC = "order.placed"


class FullDisk:
    """A disk on which nothing can be written until there is room."""

    def __init__(self, log: EmbeddedTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused, self.room = 0, Event()
        self._write = log.database.writing
        monkeypatch.setattr(log.database, "writing", self._writing)
        monkeypatch.setattr(embedded, "_RETRY_SECONDS", 0.01)

    def _writing(self) -> AbstractContextManager[Transaction]:
        if not self.room.is_set():
            self.refused += 1
            raise Transient("database or disk is full")
        return self._write()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedTransport]:
    made = EmbeddedTransport(tmp_path / "log.db")
    made.create_topics([TOPIC])
    yield made
    made.close()


def test_a_full_disk_delays_and_loses_nothing(log: EmbeddedTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(log, monkeypatch)
    publisher = log.publisher("test")
    said = messages(TOPIC, 30)
    receipts = [publisher.publish(said[:10]), publisher.publish(said[10:])]
    drive_until(lambda: disk.refused > 3, pause)
    assert [receipt.done for receipt in receipts] == [False, False]
    assert log.ends[TOPIC] == 0
    disk.room.set()
    assert publisher.close(30)
    with Member(log, "group", [TOPIC]) as member:
        assert first_values(member.hear(30)) == expected_values(said)


def test_what_is_no_longer_in_memory_is_read_from_disk_in_order(log: EmbeddedTransport) -> None:
    publisher = log.publisher("test")
    publisher.publish(messages(TOPIC, embedded.TAIL + 100))
    assert publisher.close(30)
    reader = log.subscribe("group", [TOPIC], lambda taken: None)
    reader.begin({Partition(TOPIC, 0): 0})
    offsets = [record.offset for record in reader.poll(70, 0)] + [record.offset for record in reader.poll(30, 0)]
    assert offsets == list(range(100))
    reader.close()
