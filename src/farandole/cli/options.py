"""Options that several commands share, and the settings they override."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from farandole.runtime.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

url = click.option("--url", metavar="URL", help="Address of the system.  [default: http://127.0.0.1:8000]")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
kafka = click.option("--kafka", metavar="HOST:PORT", help="Kafka's bootstrap servers.")
database = click.option("--database", metavar="URL", help="SQLAlchemy URL of the service's own database.")
host = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
port = click.option("--port", metavar="N", help="Port to listen on.  [default: 8000]")
data = click.option("--data", metavar="DIR", help="Folder of the databases.  [default: the user's data folder]")


def example(*lines: str) -> str:
    """An epilog that click does not rewrap."""
    return "\b\n" + "\n".join(("Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))


def settings(**flags: object) -> "Settings":
    """The settings of this process, flags first; a flag that is None was not given."""
    from farandole.runtime.settings import load

    return load(os.environ, flags)


def required(value: str | None, flag: str) -> str:
    """A value that a flag or its setting must give."""
    if value is None:
        raise click.UsageError(f"expected --{flag} or FARANDOLE_{flag.upper()}, found neither")
    return value
