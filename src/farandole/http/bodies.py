"""A body is decoded once, fast; a refused or suspicious one is walked again, so that every wrong field is named."""

import json
import re
from collections.abc import Hashable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request

from farandole.http import parameters
from farandole.http.problems import FieldError, Problem, invalid

T = TypeVar("T")

LIMIT: Final = 64 * 1024
"""Bytes of the largest body that is read."""
_UNENCODABLE: Final = re.compile("[\x00\ud800-\udfff]")


async def read(request: Request, limit: int = LIMIT, media: str = "application/json") -> bytes:
    """The bytes of a body; 415 for another type, 413 as soon as more than `limit` bytes are announced or sent."""
    found = _first(request, b"content-type").partition(";")[0].strip().lower()
    if found != media:
        raise Problem(415, f"expected {media}, found {found[:100] or 'no content type'!r}")
    announced = _first(request, b"content-length")
    if announced.isdecimal() and (len(announced.lstrip("0")) > 18 or int(announced) > limit):
        raise _too_large(limit)
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return bytes(body)


def _first(request: Request, name: bytes) -> str:
    return next(iter(parameters.header(request, name)), "")


def _too_large(limit: int) -> Problem:
    return Problem(413, f"expected at most {limit} bytes", headers={"Connection": "close"})


def decode(data: bytes, kind: type[T]) -> T:
    """The value that a body says; 400 unless it is JSON in UTF-8, 422 naming every wrong field."""
    try:
        value: T = _decoder(cast(Hashable, kind)).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise _refusal(data, kind) from None
    if b"\\" in data and (errors := _errors(plain(data), kind, "")):
        # Escapes may hide U+0000, lone surrogates, and the final newline that `$` in a pattern overlooks.
        raise invalid(*errors)
    return value


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast(Any, kind))


def _refusal(data: bytes, kind: Any) -> Problem:
    errors = _errors(plain(data), kind, "")
    return invalid(*(errors or [FieldError("", "expected a valid body")]))


def plain(data: bytes) -> Any:
    try:
        data.decode()
        return msgspec.json.decode(data)
    except UnicodeDecodeError as error:
        raise Problem(400, f"expected UTF-8, found {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise Problem(400, "expected JSON nested less deeply") from None
    except (msgspec.MsgspecError, ValueError):
        return _beyond_range(data)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float("inf")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _beyond_range(data: bytes) -> Any:
    """What JSON says that msgspec refuses: lone surrogates, and numbers no machine type holds, here infinite."""
    try:
        return json.loads(data.decode(), parse_int=_integer, parse_constant=_no_number)
    except RecursionError:
        raise Problem(400, "expected JSON nested less deeply") from None
    except ValueError as error:
        raise Problem(400, f"expected JSON: {str(error)[:200]}") from None


def _errors(value: Any, kind: Any, path: str) -> list[FieldError]:
    """Every way in which a JSON value is not of a kind: structs and sequences are walked, the rest is converted."""
    bare = _bare(kind)
    if get_origin(bare) in (Union, UnionType):
        options = [option for option in get_args(bare) if option is not type(None)]
        if value is None and len(options) < len(get_args(bare)):
            return []
        bare = _bare(options[0]) if len(options) == 1 else bare
        kind = options[0] if len(options) == 1 else kind
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return _struct_errors(value, bare, path)
    if get_origin(bare) in (list, tuple) or bare in (list, tuple):
        return _sequence_errors(value, kind, path)
    return _leaf_errors(value, kind, path)


def _struct_errors(value: Any, kind: type[msgspec.Struct], path: str) -> list[FieldError]:
    if not isinstance(value, dict):
        return [FieldError(path, f"expected an object, found {_name(value)}")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    errors = []
    for name, field in fields.items():
        here = f"{path}.{name}" if path else name
        if name in value:
            errors += _errors(value[name], field.type, here)
        elif field.required:
            errors.append(FieldError(here, "expected this field, found none"))
    for name in value.keys() - fields.keys() if kind.__struct_config__.forbid_unknown_fields else ():
        shown = _UNENCODABLE.sub("\ufffd", name[:100])
        errors.append(FieldError(f"{path}.{shown}" if path else shown, "expected no such field"))
    return errors


def _sequence_errors(value: Any, kind: Any, path: str) -> list[FieldError]:
    if not isinstance(value, list):
        return [FieldError(path, f"expected an array, found {_name(value)}")]
    items = get_args(_bare(kind))
    metas = getattr(kind, "__metadata__", ())
    errors = _leaf_errors([None] * len(value), Annotated[(list[Any], *metas)], path) if metas else []
    for place, item in enumerate(value):
        errors += _errors(item, items[0] if items else Any, f"{path}[{place}]")
    return errors


def _leaf_errors(value: Any, kind: Any, path: str) -> list[FieldError]:
    if isinstance(value, str) and _UNENCODABLE.search(value):
        return [FieldError(path, "expected text without U+0000 and lone surrogates")]
    if isinstance(value, str) and not _fits_whole(value, kind):
        return [FieldError(path, "expected no line break at the end")]
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        return [FieldError(path, _words(error, value, kind))]
    return []


def _words(error: Exception, value: Any, kind: Any) -> str:
    """What was expected: the kind's own description where it has one, else the words of whoever refused it."""
    metas = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta)]
    description = next((meta.description for meta in metas if meta.description), None)
    if description is None:
        text = str(error).partition(" - at `$")[0].replace("`", "")
        return text[:1].lower() + text[1:]
    found = repr(value[:40]) if isinstance(value, str) else _name(value)
    return f"expected {description}, found {found}"


def _fits_whole(value: str, kind: Any) -> bool:
    """Whether patterns hold for a text with its final line break, which `$` overlooks."""
    if not value.endswith("\n"):
        return True
    patterns = [meta.pattern for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta) and meta.pattern]
    return all(re.search(pattern, value + "\n") for pattern in patterns if re.search(pattern, value))


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
