"""One dead letter, to look at: what it says of itself, its bytes, its history, and what its replay would do."""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

import httpx
import msgspec
from starlette.responses import Response

from farandole.http.letters import DeadLetterAnswer, LetterAnswer
from farandole.http.problems import Problem
from farandole.web.layout import page

DUMPED: Final = 2048
"""Bytes of a value that are shown in hexadecimal."""
READ: Final = 64 * 1024
"""Characters of a value that are shown."""


def drawn(answer: httpx.Response, preview: Any = None, *, failed: bool = False) -> Response:
    """The page of a letter as its service answered it, with the preview of its replay if there is one."""
    if not answer.is_success:
        raise Problem(answer.status_code, answer.json().get("detail"))
    found = msgspec.json.decode(answer.content, type=LetterAnswer)
    value = b"" if found.letter.value_base64 is None else b64decode(found.letter.value_base64)
    return page(
        "dead_letter.html",
        letter=found.letter,
        history=found.history,
        size=len(value),
        hex="\n".join(dump(value[:DUMPED])),
        dumped=DUMPED,
        text=(found.letter.value or "")[:READ],
        headers=list(_headers(found.letter)),
        preview=preview,
        failed=failed,
        pretty=_pretty,
    )


def dump(value: bytes) -> Iterator[str]:
    """Lines of sixteen bytes: where, in hexadecimal, and as text where it is ASCII."""
    for place in range(0, len(value), 16):
        line = value[place : place + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in line)
        yield f"{place:06x}  {line.hex(' '):<47}  {text}"


def _headers(letter: DeadLetterAnswer) -> Iterator[tuple[str, str]]:
    for name, value in letter.headers:
        content = b64decode(value)
        try:
            yield name, content.decode()
        except UnicodeDecodeError:
            yield name, f"(no text) {content.hex(' ')}"


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
