"""Honest records with something wrong: bytes, JSON, types, headers, keys, and copies that only look different."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from farandole.messaging.envelope import Record
from farandole.proof.hostile.reading import says_the_same
from farandole.proof.hostile.record import HEARERS, NOBODY, Headers, Hostile, Material, with_header

Parts = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers."""

DUPLICATE: Final = "says what was heard before: answered again, changes nothing"
SCALARS: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x" * 300,
    [],
    {},
    [[]],
    "\u0663",
    "0x10",
    "1e3",
    "-1.00",
)
LITERALS: Final = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"01", b"+1", b"nul", b"tru", b"'a'")
TEXTS: Final = (
    rb'"\ud800"',
    rb'"\udfff\ud800"',
    rb'"a\u0000b"',
    b'"a\x00b"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    rb'"\x"',
)
SHORT: Final = (b"", b" ", b"null", b"[]", b"{}", b"0", b'""', b"\xef\xbb\xbf{}", b"{", b"}", b"\x00", b"\xff" * 64)
UNKNOWN: Final = (b"1e999", b'"x"', b"[" * 20 + b"]" * 20, b'{"order_id":1}', b"9" * 400, b'"\xc3\xa9"')
WRONG: Final = (b"", b"\x00", b"\xff\xfe", b"null", b"1.0.1", b"0.3", b"order.imagined", b"2026-13-01", b"x" * 100_000)
TIMES: Final = (b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"2026-01-01T00:00:00", b"-1", b"24:00Z")


def _bits(draw: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flipped_value(draw: Random, honest: Record) -> Parts:
    return honest.key, _bits(draw, honest.value or b"?"), honest.headers


def flipped_key(draw: Random, honest: Record) -> Parts:
    return _bits(draw, honest.key or b"?"), honest.value, honest.headers


def flipped_header(draw: Random, honest: Record) -> Parts:
    name, content = draw.choice(honest.headers)
    return honest.key, honest.value, with_header(honest.headers, name, _bits(draw, content or b"?"))


def truncated(draw: Random, honest: Record) -> Parts:
    value = honest.value or b""
    return honest.key, value[: draw.randrange(len(value))], honest.headers


def missing_header(draw: Random, honest: Record) -> Parts:
    left_out = draw.choice(honest.headers)[0]
    return honest.key, honest.value, tuple(pair for pair in honest.headers if pair[0] != left_out)


def wrong_header(draw: Random, honest: Record) -> Parts:
    name = draw.choice(honest.headers)[0]
    wrong = draw.choice(TIMES) if name == "ce_time" and draw.random() < 0.7 else draw.choice(WRONG)
    return honest.key, honest.value, with_header(honest.headers, name, wrong)


def header_without_value(draw: Random, honest: Record) -> Parts:
    return honest.key, honest.value, with_header(honest.headers, draw.choice(honest.headers)[0], None)


def doubled_header(draw: Random, honest: Record) -> Parts:
    name = draw.choice(honest.headers)[0]
    wrong = (name, draw.choice(WRONG[:-1]))
    headers = (wrong, *honest.headers) if draw.random() < 0.5 else (*honest.headers, wrong)
    return honest.key, honest.value, headers


def no_headers(_: Random, honest: Record) -> Parts:
    return honest.key, honest.value, ()


def many_headers(draw: Random, honest: Record) -> Parts:
    more = tuple((f"x-{number}-\u00e9\n", b"\n" * draw.randrange(9)) for number in range(draw.choice((1, 300))))
    return honest.key, honest.value, honest.headers + more


def wrong_type(draw: Random, honest: Record) -> Parts:
    return honest.key, _replaced(draw, honest, json.dumps(draw.choice(SCALARS)).encode()), honest.headers


def no_number(draw: Random, honest: Record) -> Parts:
    return honest.key, _replaced(draw, honest, draw.choice(LITERALS)), honest.headers


def no_text(draw: Random, honest: Record) -> Parts:
    return honest.key, _replaced(draw, honest, draw.choice(TEXTS)), honest.headers


def deep(draw: Random, honest: Record) -> Parts:
    opening, closing = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
    depth = draw.choice((5_000, 20_000))
    nested = opening * depth + b"1" + closing * draw.choice((0, depth))
    whole = nested if draw.random() < 0.5 else _replaced(draw, honest, nested)
    return honest.key, whole, honest.headers


def unknown_field(draw: Random, honest: Record) -> Parts:
    value = honest.value or b""
    return honest.key, value[:-1] + b',"surprise":' + draw.choice(UNKNOWN) + b"}", honest.headers


def another_layout(draw: Random, honest: Record) -> Parts:
    pairs = list(json.loads(honest.value or b"{}").items())
    draw.shuffle(pairs)
    return (
        honest.key,
        json.dumps(dict(pairs), indent=draw.choice((None, 1)), ensure_ascii=True).encode(),
        honest.headers,
    )


def short(draw: Random, honest: Record) -> Parts:
    return honest.key, draw.choice(SHORT), honest.headers


def noise(draw: Random, honest: Record) -> Parts:
    headers = honest.headers if draw.random() < 0.5 else ((f"h{draw.random()}", draw.randbytes(draw.randrange(40))),)
    return draw.randbytes(draw.randrange(1, 60)), draw.randbytes(draw.randrange(300)), headers


def two_documents(draw: Random, honest: Record) -> Parts:
    value = honest.value or b""
    return honest.key, value + draw.choice((b"", b"\n", b",")) + value, honest.headers


def large(draw: Random, honest: Record) -> Parts:
    value = honest.value or b""
    return honest.key, value[:-1] + b" " * draw.randrange(262_144, 990_000) + b"}", honest.headers


def no_key(_: Random, honest: Record) -> Parts:
    return None, honest.value, honest.headers


def tombstone(_: Random, honest: Record) -> Parts:
    return honest.key, None, honest.headers


def another_id(draw: Random, honest: Record) -> Parts:
    return honest.key, honest.value, with_header(honest.headers, "ce_id", some_id(draw).encode())


def duplicate(_: Random, honest: Record) -> Parts:
    return honest.key, honest.value, honest.headers


def some_id(draw: Random) -> str:
    """A UUID of version 7 that nobody has."""
    figures = f"{draw.getrandbits(128):032x}"
    return f"{figures[:8]}-{figures[8:12]}-7{figures[13:16]}-a{figures[17:20]}-{figures[20:]}"


def _replaced(draw: Random, honest: Record, content: bytes) -> bytes:
    """The honest value with the content of one of its fields, however deep, replaced."""
    document = json.loads(honest.value or b"{}")
    places = list(_places(document))
    way, name = draw.choice(places)
    way[name] = "\u0001here"
    return json.dumps(document, ensure_ascii=False).encode().replace(b'"\\u0001here"', content)


def _places(value: Any) -> Any:
    names = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in list(names):
        yield value, name
        yield from _places(inner)


class Mutation(NamedTuple):
    """What it changes, and how often it is drawn, relative to others."""

    change: Callable[[Random, Record], Parts]
    weight: int


MUTATIONS: Final = {
    "bits of the value flipped": Mutation(flipped_value, 150),
    "bits of the key flipped": Mutation(flipped_key, 30),
    "bits of a header flipped": Mutation(flipped_header, 80),
    "value cut short": Mutation(truncated, 80),
    "a header missing": Mutation(missing_header, 40),
    "a header wrong": Mutation(wrong_header, 60),
    "a header without value": Mutation(header_without_value, 10),
    "a header twice": Mutation(doubled_header, 40),
    "no headers": Mutation(no_headers, 20),
    "unknown headers": Mutation(many_headers, 5),
    "another type": Mutation(wrong_type, 100),
    "no JSON number": Mutation(no_number, 40),
    "text nobody can write": Mutation(no_text, 60),
    "deep nesting": Mutation(deep, 20),
    "an unknown field": Mutation(unknown_field, 40),
    "another layout": Mutation(another_layout, 20),
    "hardly a value": Mutation(short, 30),
    "noise": Mutation(noise, 40),
    "two documents": Mutation(two_documents, 10),
    "up to 1 MB": Mutation(large, 1),
    "no key": Mutation(no_key, 20),
    "a tombstone": Mutation(tombstone, 20),
    "another id for the same": Mutation(another_id, 40),
    "a duplicate": Mutation(duplicate, 100),
}


def mutate(draw: Random, kind: str, material: Material) -> Hostile:
    """A hostile record of a kind; a second opinion says who must park it."""
    honest = draw.choice(material.honest)
    key, value, headers = MUTATIONS[kind].change(draw, honest)
    same = says_the_same(honest, key, value, headers)
    parks = {True: NOBODY, False: HEARERS[honest.topic], None: None}[same]
    return Hostile(kind, honest.topic, key, value, headers, parks, DUPLICATE)


def on_another_topic(draw: Random, material: Material) -> Hostile:
    """An honest record where its type does not belong."""
    honest = draw.choice(material.honest)
    topic = draw.choice([topic for topic in HEARERS if topic != honest.topic])
    return Hostile("on another topic", topic, honest.key, honest.value, honest.headers, HEARERS[topic])


def with_a_nameless_header(draw: Random, material: Material) -> Hostile:
    """A header's name that is no text; client libraries do not send it, and cannot read the others beside it."""
    honest = draw.choice(material.honest)
    name = draw.choice((b"\xff\xfe", b"ce_id\x80", b"\xed\xa0\x80")).decode(errors="surrogateescape")
    headers = (*honest.headers, (name, b"x"))
    return Hostile("a header's name no text", honest.topic, honest.key, honest.value, headers, HEARERS[honest.topic])


def at_no_time(draw: Random, material: Material) -> Hostile:
    """A record that claims for itself a time that no clock has shown: one in two is cut short as well."""
    honest, at = draw.choice(material.honest), draw.choice((-(2**62), -2, 0, 1))
    cut = draw.random() < 0.5
    value, parks = ((honest.value or b"")[:-1], HEARERS[honest.topic]) if cut else (honest.value, NOBODY)
    return Hostile("at no time", honest.topic, honest.key, value, honest.headers, parks, DUPLICATE, at=at)


def with_another_s_key(draw: Random, material: Material) -> Hostile:
    """An honest record under another order's key, subject or both."""
    honest, other = draw.choice(material.honest), draw.choice(material.honest)
    headers = with_header(honest.headers, "ce_subject", other.key) if draw.random() < 0.5 else honest.headers
    key = other.key if draw.random() < 0.7 else honest.key
    same = says_the_same(honest, key, honest.value, headers)
    parks = NOBODY if same else HEARERS[honest.topic]
    return Hostile("another order's key", honest.topic, key, honest.value, headers, parks, DUPLICATE)
