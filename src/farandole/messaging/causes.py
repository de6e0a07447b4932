"""Dead letters are grouped by cause: who parked them, the topic, and the error without what differs from record to record."""

import re
from hashlib import blake2b
from typing import Final

LONGEST: Final = 200
SUBJECT: Final = 64
_VARYING: Final = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{16,}"), "…"),
    (re.compile(r"""b?'(?:[^'\\]|\\.)*(?:'|$)|b?"(?![a-z_]{1,64}")(?:[^"\\]|\\.)*(?:"|$)"""), "…"),
    (re.compile(r"…(?:, …)+"), "…"),
    (re.compile(r"\d+"), "N"),
    (re.compile(r"\s+"), " "),
)


def common(error: str) -> str:
    """What errors of one cause have in common: no ids, quoted contents or numbers."""
    for varying, instead in _VARYING:
        error = varying.sub(instead, error)
    return error[:LONGEST]


def cause(service: str, topic: str, error: str) -> str:
    """The name of a group of dead letters."""
    return blake2b(f"{service}\n{topic}\n{common(error)}".encode(), digest_size=8).hexdigest()


def subject(key: bytes | None) -> str | None:
    """A record's key as people look for it: None unless it is short text."""
    if key is None or len(key) > SUBJECT or b"\x00" in key:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
