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
is_uuid: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000").search
"""U+0000 as JSON escapes it; after an even number of backslashes `u0000` is only text."""
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
    """An event as a handler hears it: `cause` names it, `at` is now in microseconds, `said_at`, `source` and `causation` its
    origin, `landed_at` when its transport took it (0: none did), `partition` and `offset` where (-1: nowhere)."""

    event: E
    cause: Cause
    at: int
    said_at: int = 0
    source: str = ""
    causation: str | None = None
    landed_at: int = 0
    partition: int = -1
    offset: int = -1


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
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:19]


def microseconds(text: str) -> int:
    """The inverse of rfc3339; raises ValueError unless the text is an RFC 3339 time in the years 1 to 9999 of UTC."""
    second, fraction = text[:19], text[20:26]
    if len(text) == 27 and text[19] == "." and text[26] == "Z" and fraction.isascii() and fraction.isdecimal():
        return _since_1970(second + "Z") + int(fraction)  # as rfc3339 writes it: hardly a second is read twice
    return _since_1970(text)


@lru_cache(maxsize=64)
def _since_1970(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with an offset, found {text!r}")
    try:
        delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"expected a time in the years 1 to 9999 of UTC, found {text!r}") from None
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
    own = (("ce_id", said.id.encode()), ("ce_subject", key.encode()), ("ce_time", _time(said.at)))
    caused = () if said.causation is None else (("ce_causationid", said.causation.encode()),)
    return Message(topic, key, _encode(event), _constant(topic, said.service) + own + caused)


@lru_cache(maxsize=64)
def _time(at: int) -> bytes:
    return rfc3339(at).encode()


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
    value, headers = _value(record), dict(record.headers)
    try:
        if not value.isascii():
            value.decode()  # fields that nobody here knows are skipped without a look
        event = decoder.decode(value)
    except UnicodeDecodeError as error:
        raise Poison(f"expected UTF-8, found {error.reason} at byte {error.start}") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Poison(f"expected {record.topic} as JSON: {str(error)[:500]}") from error
    if headers.get("ce_specversion") != b"1.0":
        raise _unexpected("CloudEvents 1.0", headers, "ce_specversion")
    if headers.get("ce_type") != record.topic.encode():
        raise _unexpected(f"type {record.topic!r} on its topic", headers, "ce_type")
    key = event.key.encode()
    if not key == record.key == headers.get("ce_subject"):
        found = (record.key or b"")[:64].decode(errors="replace")
        raise _unexpected(f"key and subject {event.key!r}, found key {found!r}", headers, "ce_subject")
    cause = Cause(_uuid(headers, "ce_id"), digest(event))
    causation = _uuid(headers, "ce_causationid") if "ce_causationid" in headers else None
    origin = _said_at(headers), _source(headers), causation
    return Heard(event, cause, now, *origin, record.at, record.partition, record.offset)


def _value(record: Record) -> bytes:
    if record.value is None:
        raise Poison("expected a JSON object, found no value (a tombstone)")
    if len(record.value) > LARGEST_VALUE:
        raise Poison(f"expected at most {LARGEST_VALUE} bytes, found {len(record.value)}")
    if b"\\u0000" in record.value and _ESCAPED_NUL(record.value):
        raise Poison("expected text without U+0000")
    return record.value


Headers = Mapping[str, bytes | None]


def _unexpected(wanted: str, headers: Headers, name: str) -> Poison:
    content = headers.get(name)
    if content is None:
        return Poison(f"expected the CloudEvents header {name}, found {sorted(headers)!r}")
    return Poison(f"expected {wanted}, found {content[:64].decode(errors='replace')!r}")


def _uuid(headers: Headers, name: str) -> str:
    content = headers.get(name)
    if content is None or not is_uuid(content):
        raise _unexpected(f"a UUID in {name}", headers, name)
    return content.decode()


def _source(headers: Headers) -> str:
    source = _known_source(headers.get("ce_source") or b"")
    if source is None:
        raise _unexpected("a source /farandole/…", headers, "ce_source")
    return source


@lru_cache(maxsize=16)
def _known_source(content: bytes) -> str | None:
    return content.decode() if content.startswith(b"/farandole/") and content.isascii() else None


def _said_at(headers: Headers) -> int:
    try:
        return microseconds((headers.get("ce_time") or b"").decode())
    except ValueError as error:
        raise _unexpected("an RFC 3339 time in ce_time", headers, "ce_time") from error
