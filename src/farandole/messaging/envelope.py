"""Events travel as CloudEvents 1.0, Kafka binding, binary mode: attributes in headers, JSON in the value."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from uuid_utils import UUID, uuid5

from farandole.messaging.failure import Poison

LARGEST_VALUE: Final = 256 * 1024
"""Bytes of the largest value a consumer tries to understand; an honest event has below 32 KiB."""

VERSION: Final = 1
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_encode: Final = msgspec.json.Encoder().encode


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An immutable value inside an event."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An immutable fact, past tense; `topic` is its type and where it is published, `key` its partition key."""

    topic: ClassVar[str]

    @property
    def key(self) -> str:
        raise NotImplementedError


E = TypeVar("E", bound=Event, covariant=True)


class Message(NamedTuple):
    """An event on its way out: bytes under a key, topic without prefix."""

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """An event as bytes at one place of a transport; `at` is the transport's own time in microseconds, topic without prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    at: int


class Cause(NamedTuple):
    """What a decision answers: an event's id and the digest of its content."""

    id: str
    digest: str


class Heard(NamedTuple, Generic[E]):
    """An event as a handler hears it: `cause` names it, `at` is now in microseconds, `said_at`, `source` and `causation` its origin."""

    event: E
    cause: Cause
    at: int
    said_at: int = 0
    source: str = ""
    causation: str | None = None


class Decoder(Protocol):
    def decode(self, data: bytes, /) -> Event: ...


def digest(event: Event) -> str:
    """A short fingerprint of an event's content: equal for equal content, whatever bytes carried it."""
    return blake2b(_encode(event), digest_size=8).hexdigest()


def event_id(cause_id: str, step: str) -> str:
    """The id of a step's answer to a cause: deciding twice says the same thing under the same id."""
    return str(uuid5(UUID(cause_id), step))


def rfc3339(at: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC."""
    seconds, micros = divmod(at, 1_000_000)
    return f"{_second(seconds)}.{micros:06}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def microseconds(text: str) -> int:
    """The inverse of rfc3339; raises ValueError unless the text is an RFC 3339 time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with an offset, found {text!r}")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


class Said(NamedTuple):
    """What the headers of an answer are made of."""

    id: str
    service: str
    at: int
    causation: str | None


def seal(event: Event, said: Said) -> Message:
    """The message that carries an event."""
    topic, key = event.topic, event.key
    headers = (
        *_constant(topic, said.service),
        ("ce_id", said.id.encode()),
        ("ce_subject", key.encode()),
        ("ce_time", rfc3339(said.at).encode()),
    )
    if said.causation is not None:
        headers += (("ce_causationid", said.causation.encode()),)
    return Message(topic, key, _encode(event), headers)


@lru_cache(maxsize=256)
def _constant(topic: str, service: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", topic.encode()),
        ("ce_source", f"/farandole/{service}".encode()),
        ("ce_dataschema", f"/asyncapi.json#/components/schemas/{topic}/{VERSION}".encode()),
        ("content-type", b"application/json"),
    )


def unseal(record: Record, decoder: Decoder, now: int) -> Heard[Any]:
    """What a record says; raises Poison, naming what was expected and found, when it cannot be understood."""
    value = _value(record)
    try:
        headers = {name: (content or b"").decode() for name, content in record.headers}
        event = decoder.decode(value)
    except UnicodeDecodeError as error:
        raise Poison(f"expected UTF-8, found {error.reason} at byte {error.start}") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Poison(f"expected a {record.topic} event as JSON: {str(error)[:500]}") from error
    _expect(record, headers, event)
    try:
        said_at = microseconds(headers["ce_time"])
    except ValueError as error:
        raise Poison(f"expected an RFC 3339 time in ce_time, found {headers['ce_time'][:64]!r}") from error
    cause = Cause(headers["ce_id"], digest(event))
    return Heard(event, cause, now, said_at, headers["ce_source"], headers.get("ce_causationid"))


def _value(record: Record) -> bytes:
    if record.value is None:
        raise Poison("expected a JSON object, found no value (a tombstone)")
    if len(record.value) > LARGEST_VALUE:
        raise Poison(f"expected at most {LARGEST_VALUE} bytes, found {len(record.value)}")
    if b"\\u0000" in record.value:
        raise Poison("expected text without U+0000")
    return record.value


def _expect(record: Record, headers: Mapping[str, str], event: Event) -> None:
    for name in ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"):
        if name not in headers:
            raise Poison(f"expected the CloudEvents header {name}, found {sorted(headers)!r}")
    if headers["ce_specversion"] != "1.0":
        raise Poison(f"expected CloudEvents 1.0, found {headers['ce_specversion'][:16]!r}")
    if headers["ce_type"] != record.topic:
        raise Poison(f"expected type {record.topic!r} on its topic, found {headers['ce_type'][:64]!r}")
    for name in ("ce_id", "ce_causationid"):
        if name in headers and not _UUID.fullmatch(headers[name]):
            raise Poison(f"expected a UUID in {name}, found {headers[name][:64]!r}")
    if not headers["ce_source"].startswith("/farandole/"):
        raise Poison(f"expected a source /farandole/…, found {headers['ce_source'][:64]!r}")
    key = (record.key or b"").decode(errors="replace")
    if not key == headers["ce_subject"] == event.key:
        raise Poison(f"expected key and subject {event.key!r}, found key {key[:64]!r}, {headers['ce_subject'][:64]!r}")
