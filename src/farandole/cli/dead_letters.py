"""`farandole dead-letters …`: records that were parked because nobody could understand them."""

from typing import TYPE_CHECKING, Any

import click

from farandole.cli import options, output
from farandole.cli.exits import No

if TYPE_CHECKING:
    from farandole.cli.client import Client

COLUMNS = ("id", "service", "from", "parked", "replayed", "error")


@click.group("dead-letters")
def dead_letters() -> None:
    """See and replay records that were parked."""


@dead_letters.command("list", epilog=options.example("farandole dead-letters list --json"))
@options.url
@options.as_json
def list_(url: str | None, as_json: bool) -> None:
    """List parked records."""
    letters = _client(url).pages("dead-letters")
    if as_json:
        return output.json_lines({"items": letters})
    return output.table(COLUMNS, [_row(letter) for letter in letters])


@dead_letters.command(epilog=options.example("farandole dead-letters show 7"))
@click.argument("letter_id", metavar="ID")
@options.url
@options.as_json
def show(letter_id: str, url: str | None, as_json: bool) -> None:
    """Show one parked record: where it came from, its error and its bytes."""
    for letter in _client(url).pages("dead-letters"):
        if str(letter.get("id")) == letter_id:
            return output.json_lines(letter) if as_json else output.fields(letter)
    raise No(f"expected a dead letter, found none with the id {letter_id}")


@dead_letters.command(epilog=options.example("farandole dead-letters replay 7"))
@click.argument("letter_id", metavar="ID")
@options.url
@options.as_json
def replay(letter_id: str, url: str | None, as_json: bool) -> None:
    """Give a parked record to its service once more; exits 1 when it fails again and stays parked."""
    outcome: Any = _client(url).post("dead-letters", letter_id, "replay", refusals=(404, 409, 422))
    return output.json_lines(outcome) if as_json else output.fields(outcome)


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
    origin = "{topic}[{partition}]@{offset}".format(**letter["origin"])
    return (letter["id"], letter["service"], origin, letter["parked_at"], letter["replayed_at"], letter["error"])


def _client(url: str | None) -> "Client":
    from farandole.cli.client import Client

    return Client(options.settings(url=url).url)
