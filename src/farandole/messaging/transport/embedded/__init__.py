"""A durable log in one SQLite file for services that share a process: one partition a topic, writes that arrive together share a commit."""

import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence, Set
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from time import time_ns
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec
import structlog

from farandole.messaging.database import Transaction, open_database
from farandole.messaging.envelope import Message, Record
from farandole.messaging.failure import Transient
from farandole.messaging.transport import Revoked
from farandole.messaging.transport.embedded.publisher import EmbeddedPublisher, EmbeddedReceipt
from farandole.messaging.transport.embedded.subscription import EmbeddedSubscription

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, topic_id TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS records (topic TEXT NOT NULL, position INTEGER NOT NULL, record_key TEXT NOT NULL,
       value BLOB NOT NULL, headers TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (topic, position)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS group_offsets (member TEXT NOT NULL, topic TEXT NOT NULL, position INTEGER NOT NULL,
       PRIMARY KEY (member, topic)) WITHOUT ROWID""",
)
_headers: Final = msgspec.json.Decoder(list[tuple[str, str]])
_RETRY_SECONDS: Final = 0.2
TAIL: Final = 2_000
"""Records of a topic that stay in memory: who keeps up with the log does not read them back from disk."""
log = structlog.get_logger()


class _Writing(NamedTuple):
    messages: Sequence[Message]
    offsets: Mapping[tuple[str, str], int]
    receipt: EmbeddedReceipt


class EmbeddedTransport:
    """The log, its one writer thread, and who listens to it; `lock` guards where each topic ends."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.database = open_database(f"sqlite:///{path}")
        self._queue: SimpleQueue[_Writing | None] = SimpleQueue()
        self._groups: dict[str, list[EmbeddedSubscription]] = defaultdict(list)
        self._tails: dict[str, deque[Record]] = defaultdict(lambda: deque(maxlen=TAIL))
        with self.database.writing() as transaction:
            for statement in _SCHEMA:
                transaction.connection.exec_driver_sql(statement)
            self.topic_ids = {
                row[0]: row[1] for row in transaction.connection.exec_driver_sql("SELECT topic, topic_id FROM topics")
            }
            self.ends = {topic: _end(transaction, topic) for topic in self.topic_ids}
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    def publisher(self, name: str) -> EmbeddedPublisher:
        return EmbeddedPublisher(lambda messages: self.write(messages, {}))

    def subscribe(self, group: str, topics: Sequence[str], revoked: Revoked) -> EmbeddedSubscription:
        self.create_topics(topics)
        member = EmbeddedSubscription(self, group, tuple(topics), revoked)
        with self.lock:
            self._groups[group].append(member)
        return member

    def create_topics(self, topics: Sequence[str]) -> None:
        """Give each new topic an id."""
        with self.lock:
            new = {topic: str(uuid4()) for topic in topics if topic not in self.topic_ids}
            if not new:
                return
            with self.database.writing() as transaction:
                transaction.connection.exec_driver_sql("INSERT INTO topics VALUES (?, ?)", list(new.items()))
            self.topic_ids |= new
            self.ends |= dict.fromkeys(new, 0)

    def write(self, messages: Sequence[Message], offsets: Mapping[tuple[str, str], int]) -> EmbeddedReceipt:
        """Hand over messages and group offsets to the next commit."""
        if self._closing.is_set():
            raise Transient("the embedded log is closed")
        receipt = EmbeddedReceipt()
        self._queue.put(_Writing(messages, offsets, receipt))
        return receipt

    def owns(self, member: EmbeddedSubscription) -> bool:
        """The first member of a group has every partition."""
        with self.lock:
            return self._groups[member.group][:1] == [member]

    def read(self, topic: str, position: int, limit: int) -> list[Record]:
        """Records of a topic from a position on: from memory, or from disk when they are no longer there."""
        with self.lock:
            tail = self._tails[topic]
            if tail and position >= tail[0].offset:
                begin = position - tail[0].offset
                return list(islice(tail, begin, begin + limit))
            stored = self.ends[topic] - position
        return self._stored(topic, position, min(limit, stored))

    def leave(self, member: EmbeddedSubscription) -> None:
        with self.lock:
            if member in self._groups[member.group]:
                self._groups[member.group].remove(member)
            self._tell(set(member.topics))

    def members(self, group: str) -> int:
        """How many listen in a group."""
        with self.lock:
            return len(self._groups.get(group, ()))

    def committed(self) -> dict[tuple[str, str], int]:
        """The offset to read next, by group and topic."""
        with self.database.reading() as transaction:
            found = transaction.connection.exec_driver_sql("SELECT member, topic, position FROM group_offsets")
            return {(member, topic): position for member, topic, position in found}

    def close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
            self._writer.join(timeout=10)
            self.database.close()

    def _stored(self, topic: str, position: int, limit: int) -> list[Record]:
        sql = (
            "SELECT position, record_key, value, headers, at FROM records"
            " WHERE topic = ? AND position >= ? ORDER BY position LIMIT ?"
        )
        with self.database.reading() as transaction:
            found = transaction.connection.exec_driver_sql(sql, (topic, position, limit)).all()
        return [_record(topic, row) for row in found]

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            writings = [first]
            while not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                writings.append(following)
            self._persist(writings)

    def _persist(self, writings: Sequence[_Writing]) -> None:
        """Commit until it works: a full disk delays, it loses nothing."""
        while True:
            try:
                records = self._commit(writings)
            except Transient as error:
                log.warning("waiting", part="embedded log", reason=str(error))
                if self._closing.wait(_RETRY_SECONDS):
                    return
                continue
            with self.lock:
                for record in records:
                    self._tails[record.topic].append(record)
                    self.ends[record.topic] = record.offset + 1
                for writing in writings:
                    writing.receipt.durable.set()
                self._tell({record.topic for record in records})
            return

    def _tell(self, topics: Set[str]) -> None:
        """Wake those whom it concerns: every thread that wakes takes its turn at the interpreter."""
        for member in chain.from_iterable(self._groups.values()):
            if not topics.isdisjoint(member.topics):
                member.news.notify()

    def _commit(self, writings: Sequence[_Writing]) -> list[Record]:
        self.create_topics(sorted({m.topic for writing in writings for m in writing.messages}))
        records, following, now = [], dict(self.ends), time_ns() // 1000
        for topic, key, value, headers in (message for writing in writings for message in writing.messages):
            records.append(Record(topic, 0, following[topic], key.encode(), value, headers, now))
            following[topic] += 1
        offsets = {place: at for writing in writings for place, at in writing.offsets.items()}
        with self.database.writing() as transaction:
            if records:
                rows = [_row(record) for record in records]
                transaction.connection.exec_driver_sql("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
            if offsets:
                transaction.connection.exec_driver_sql(
                    "INSERT INTO group_offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position",
                    [(*place, at) for place, at in offsets.items()],
                )
        return records


def _end(transaction: Transaction, topic: str) -> int:
    sql = "SELECT COALESCE(MAX(position) + 1, 0) FROM records WHERE topic = ?"
    return int(transaction.connection.exec_driver_sql(sql, (topic,)).scalar_one())


def _row(record: Record) -> tuple[object, ...]:
    headers = msgspec.json.encode([(name, (value or b"").decode()) for name, value in record.headers]).decode()
    return record.topic, record.offset, (record.key or b"").decode(), record.value, headers, record.at


def _record(topic: str, row: Sequence[Any]) -> Record:
    position, key, value, headers, at = row
    decoded = tuple((name, content.encode()) for name, content in _headers.decode(headers))
    return Record(topic, 0, position, key.encode(), value, decoded, at)
