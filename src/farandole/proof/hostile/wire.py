"""One record written in Kafka's own protocol, for what no client library agrees to send."""

import socket
import struct
import time
from collections.abc import Sequence
from functools import cache
from typing import Final

from farandole.proof.ground.waiting import drive_until, pause

PRODUCE: Final = 0
VERSION: Final = 7
SECONDS: Final = 10.0
_POLYNOMIAL: Final = 0x82F63B78

NOT_YET: Final = (3, 5, 6)
"""Errors of a partition that was made just now: unknown, without leader, led by nobody here."""
Named = tuple[bytes, bytes | None]
"""A header: any bytes under any bytes."""


def produce(
    bootstrap: str,
    place: tuple[str, int],
    record: tuple[bytes | None, bytes | None],
    headers: Sequence[Named] = (),
    at: int | None = None,
) -> int:
    """Write key and value with headers to a topic's partition, led by the only broker there is; the record's offset.
    `at` is the time it claims, in milliseconds."""
    topic, partition = place
    batch = _batch(_record(record, headers), int(time.time() * 1000) if at is None else at)
    body = _text(None) + struct.pack(">hii", -1, 10_000, 1) + _text(topic.encode())
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    request = struct.pack(">hhi", PRODUCE, VERSION, 1) + _text(b"stranger") + body
    told: list[tuple[int, int, int]] = []

    def ask() -> None:
        told[:] = [struct.unpack_from(">ihq", _ask(bootstrap, request), 4 + 4 + 2 + len(topic.encode()) + 4)]

    def ask_again() -> None:
        pause()
        ask()

    ask()
    drive_until(lambda: told[0][1] not in NOT_YET, ask_again, SECONDS)
    found, error, offset = told[0]
    assert (found, error) == (partition, 0), f"expected Kafka to take the record, found error {error}"
    return int(offset)


def _ask(bootstrap: str, request: bytes) -> bytes:
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            (length,) = struct.unpack(">i", answer.read(4))
            return answer.read(length)


def _record(record: tuple[bytes | None, bytes | None], headers: Sequence[Named]) -> bytes:
    key, value = record
    body = b"\x00" + _varint(0) + _varint(0) + _bytes(key) + _bytes(value) + _varint(len(headers))
    body += b"".join(_bytes(name) + _bytes(content) for name, content in headers)
    return _varint(len(body)) + body


def _batch(record: bytes, at: int) -> bytes:
    checked = struct.pack(">hiqqqhii", 0, 0, at, at, -1, -1, -1, 1) + record
    rest = struct.pack(">ibI", -1, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(rest)) + rest


def _text(text: bytes | None) -> bytes:
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text


def _bytes(data: bytes | None) -> bytes:
    return _varint(-1) if data is None else _varint(len(data)) + data


def _varint(number: int) -> bytes:
    zigzag, encoded = (number << 1) ^ (number >> 63), bytearray()
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    return tuple(_entry(byte) for byte in range(256))


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte
