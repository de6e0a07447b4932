"""What people read; nothing a server sends can move the cursor or colour the terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, unwrapped when nobody watches."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    Console(width=None if sys.stdout.isatty() else 1000).print(drawn)


def fields(values: Mapping[str, object]) -> None:
    """Print one line per field."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        click.echo(f"{printable(name):<{width}}  {printable(value)}")


def json_lines(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def printable(value: object) -> str:
    """Text that a terminal shows as it is, control characters escaped."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
