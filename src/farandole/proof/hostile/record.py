"""A hostile record, and which services must park it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from farandole.messaging.envelope import Record
from farandole.runtime.settings import load
from farandole.runtime.wiring import TOPICS, services

Headers = tuple[tuple[str, bytes | None], ...]

HEARERS: Final = {
    topic: frozenset(name for name, service in services(load({})).items() if topic in service.topics)
    for topic in TOPICS
}
"""Who hears a topic."""
NOBODY: Final[frozenset[str]] = frozenset()


class Hostile(NamedTuple):
    """A record as it is written, by kind; `parks` are the services that must park it, the other hearers accept it by
    `rule` (None: each may do either, by what the rule says). `about` is an order that it may harm, `at` the time it claims
    for itself in milliseconds. A header's name that is no UTF-8 is written with surrogates for its bytes."""

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    parks: frozenset[str] | None
    rule: str = ""
    about: str = ""
    at: int | None = None


class Material(NamedTuple):
    """Honest records of settled orders to mutate, and settled orders that may be harmed: their records, by order."""

    honest: Sequence[Record]
    victims: dict[str, dict[str, Record]]


def header(headers: Headers, name: str) -> bytes | None:
    """The last value under a name counts."""
    return dict(headers).get(name)


def with_header(headers: Headers, name: str, content: bytes | None) -> Headers:
    """The headers with one of them changed, or added."""
    if name not in dict(headers):
        return (*headers, (name, content))
    return tuple((found, content if found == name else before) for found, before in headers)
