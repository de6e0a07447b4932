"""The database remembers the offsets too, so that offsets lost elsewhere neither lose nor replay history."""

from collections.abc import Iterable, Mapping
from typing import Final

from farandole.messaging.database import Transaction
from farandole.messaging.envelope import Record
from farandole.messaging.failure import Halt
from farandole.messaging.kernel_tables import KERNEL, OffsetRow
from farandole.messaging.transport import Opening, Partition

BEGINNING: Final = "beginning"


def ends(records: Iterable[Record]) -> dict[Partition, int]:
    """The offsets to read next after these records."""
    last = {(record.topic, record.partition): record.offset for record in records}
    return {Partition(*place): offset + 1 for place, offset in last.items()}


def start(opening: Opening, known: OffsetRow | None, begin: str = BEGINNING) -> int:
    """Where to read on; raises Halt, saying what to do, when going on would lose or repeat history."""
    place = f"{opening.partition.topic}/{opening.partition.partition}"
    if known is None:
        return _first(opening, place, begin)
    if known.topic_id != opening.topic_id:
        raise Halt(
            f"{place}: expected the topic {known.topic_id}, found {opening.topic_id}: it was deleted and created anew"
        )
    committed = opening.committed if opening.committed is not None else 0
    if committed > known.decided:
        raise Halt(
            f"{place}: the group's offset {committed} is beyond {known.decided}, the last that this database decided:"
            " the database was restored, or offsets were moved by hand; set the group's offset back to"
            f" {known.decided} or below"
        )
    at = max(committed, known.acked)
    if at < opening.begins:
        raise Halt(
            f"{place}: expected to read on at {at}, found a log that begins at {opening.begins}: records were deleted unread"
        )
    return at


def _first(opening: Opening, place: str, begin: str) -> int:
    if opening.committed:
        raise Halt(f"{place}: the group's offset is {opening.committed}, but this database never heard the partition")
    if opening.begins == 0:
        return 0
    if begin == "latest":
        return opening.ends
    if begin == BEGINNING:
        raise Halt(
            f"{place}: expected a log that begins at 0, found {opening.begins}: a newcomer would miss records;"
            " say where it begins to listen with FARANDOLE_BEGIN=earliest or latest"
        )
    return opening.begins


def _by_partition(rows: Iterable[OffsetRow]) -> dict[Partition, OffsetRow]:
    return {Partition(row.topic, row.partition): row for row in rows}


class Offsets:
    """What one consumer knows of its partitions: topic ids, what is decided, what is acknowledged."""

    def __init__(self) -> None:
        self._ids: dict[Partition, str] = {}
        self._decided: dict[Partition, int] = {}
        self._acked: dict[Partition, int] = {}

    def topic_id(self, record: Record) -> str:
        return self._ids[Partition(record.topic, record.partition)]

    def open(self, openings: Iterable[Opening], transaction: Transaction, begin: str) -> dict[Partition, int]:
        """The offsets at which to begin newly assigned partitions."""
        opened = list(openings)
        rows = transaction.select(KERNEL.offsets, {o.partition.topic for o in opened}, by="topic")
        known = _by_partition(rows)
        starts = {o.partition: start(o, known.get(o.partition), begin) for o in opened}
        for opening in opened:
            partition, at = opening.partition, starts[opening.partition]
            row = known.get(partition)
            self._ids[partition] = opening.topic_id
            self._decided[partition] = max(row.decided if row else 0, at)
            self._acked[partition] = max(row.acked if row else 0, at)
        return starts

    def write(self, transaction: Transaction, decided: Mapping[Partition, int]) -> None:
        """Remember what this transaction decides and what was acknowledged since; never backwards."""
        rows = [
            OffsetRow(*place, self._ids[place], max(end, self._decided[place]), self._acked[place])
            for place, end in sorted(decided.items())
        ]
        if rows:
            transaction.advance(KERNEL.offsets, rows)

    def decided(self, ends: Mapping[Partition, int]) -> None:
        """A transaction that decided up to these offsets is committed."""
        for partition, end in ends.items():
            self._decided[partition] = max(end, self._decided.get(partition, 0))

    def acked(self, ends: Mapping[Partition, int]) -> None:
        """Every answer up to these offsets is durable."""
        for partition, end in ends.items():
            if partition in self._ids:
                self._acked[partition] = max(end, self._acked.get(partition, 0))

    def drop(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            for kept in (self._ids, self._decided, self._acked):
                kept.pop(partition, None)
