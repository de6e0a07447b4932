"""A second opinion on a mutated record, with the standard library alone: does it still say what the honest one said?"""

import json
import re
from typing import Any, Final

from farandole.messaging.envelope import LARGEST_VALUE, Record
from farandole.proof.hostile.record import Headers, header

_CHECKED: Final = ("ce_specversion", "ce_type", "ce_subject", "ce_id")
_ID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNENCODABLE: Final = re.compile("[\x00\ud800-\udfff]")


def says_the_same(honest: Record, key: bytes | None, value: bytes | None, headers: Headers) -> bool | None:
    """Whether a hearer of the honest record takes the other for its duplicate; None where time alone differs,
    which is recorded and otherwise not looked at, when it is one."""
    if key != honest.key or any(header(headers, name) != header(honest.headers, name) for name in _CHECKED):
        return False
    causation, source = header(headers, "ce_causationid"), header(headers, "ce_source") or b""
    if "ce_causationid" in dict(headers) and not (causation and _ID.fullmatch(causation)):
        return False
    if not (source.startswith(b"/farandole/") and source.isascii()):
        return False
    if value != honest.value and not _same_content(honest.value or b"", value):
        return False
    return True if header(headers, "ce_time") == header(honest.headers, "ce_time") else None


def _same_content(honest: bytes, value: bytes | None) -> bool:
    if value is None or len(value) > LARGEST_VALUE:
        return False
    try:
        wanted, found = _json(honest), _json(value)
        if not isinstance(found, dict) or not _encodable(found):
            return False
        return repr({name: found.get(name) for name in wanted}) == repr(wanted)
    except (ValueError, RecursionError):
        return False


def _json(data: bytes) -> Any:
    def integer(figures: str) -> int | str:
        return int(figures) if len(figures) < 20 else figures

    def none(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    return json.loads(data.decode(), parse_int=integer, parse_constant=none)


def _encodable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_encodable(name) and _encodable(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(_encodable, value))
    return not (isinstance(value, str) and _UNENCODABLE.search(value))
