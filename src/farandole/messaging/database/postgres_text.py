"""PostgreSQL's statements and parameters as text: keys and few rows travel as one array a column."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from farandole.messaging.database.relation import Relation
from farandole.messaging.decision import Row

_encode: Final = msgspec.json.Encoder().encode
_CONTROL: Final = re.compile(rb"\\[bfnrtu]").search
_ESCAPE: Final = re.compile(rb"\\(?:u[0-9a-f]{4}|.)")
_CONTROLS: Final = {b"\\b": b"\b", b"\\f": b"\f", b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t"}


@cache
def select(relation: Relation[Any], column: str, lock: bool) -> str:  # names are ours
    return (
        f"SELECT {', '.join(relation.columns)} FROM {relation.name} WHERE {column} = ANY($1::{relation.sql_type(column)}[])"
        f" ORDER BY {', '.join(relation.keys)}{' FOR UPDATE' if lock else ''}"
    )


@cache
def insert(relation: Relation[Any]) -> str:
    return f"INSERT INTO {relation.name} AS t ({', '.join(relation.columns)}) {_given(relation)}"


@cache
def copy(relation: Relation[Any]) -> str:
    return f"COPY {relation.name} ({', '.join(relation.columns)}) FROM STDIN"


@cache
def update(relation: Relation[Any]) -> str:
    return (
        f"UPDATE {relation.name} t SET {', '.join(f'{column} = v.{column}' for column in relation.rest)}"
        f" FROM ({_given(relation)}) v WHERE {' AND '.join(f't.{key} = v.{key}' for key in relation.keys)}"
    )


@cache
def advance(relation: Relation[Any]) -> str:
    greatest = (f"{column} = greatest(t.{column}, excluded.{column})" for column in relation.rest)
    return f"{insert(relation)} ON CONFLICT ({', '.join(relation.keys)}) DO UPDATE SET {', '.join(greatest)}"


@cache
def delete(relation: Relation[Any]) -> str:
    (key,) = relation.keys
    return f"DELETE FROM {relation.name} WHERE {key} = ANY($1::{relation.sql_type(key)}[])"


def _given(relation: Relation[Any]) -> str:
    """The parameters as rows: one array a column, bytes in base64."""
    types = {column: relation.sql_type(column) for column in relation.columns}
    arrays = (f"${place}::{kind.replace('BYTEA', 'text')}[]" for place, kind in enumerate(types.values(), 1))
    columns = (
        f"decode({column}, 'base64') AS {column}" if kind == "BYTEA" else column for column, kind in types.items()
    )
    return f"SELECT {', '.join(columns)} FROM unnest({', '.join(arrays)}) AS given({', '.join(types)})"


def columns(relation: Relation[Any], rows: Sequence[Row]) -> list[bytes]:
    return [array(column) for column in zip(*map(relation.values, rows), strict=True)]


def array(values: Iterable[Any]) -> bytes:
    """An array as PostgreSQL spells it: as JSON does, but for the brackets and the escapes of control characters."""
    literal = _encode(values)
    if _CONTROL(literal):
        literal = _ESCAPE.sub(_unescaped, literal)
    return b"{%b}" % literal[1:-1]


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[0]
    return bytes([int(escape[2:], 16)]) if len(escape) > 2 else _CONTROLS.get(escape, escape)
