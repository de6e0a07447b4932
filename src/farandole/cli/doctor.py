"""`farandole doctor`: what is late and why, in sentences."""

from typing import Any

import click

from farandole.cli import options, output
from farandole.cli.exits import DONE, NO


@click.command(epilog=options.example("farandole doctor", "farandole doctor --json"))
@options.url
@options.as_json
def doctor(url: str | None, as_json: bool) -> int:
    """Say what is late and why; exits 1 when anything is wrong."""
    from farandole.cli.client import Client

    found: dict[str, Any] = Client(options.settings(url=url).url).get("diagnosis")
    if as_json:
        output.json_lines(found)
    else:
        for line in _lines(found):
            click.echo(output.printable(line))
    return DONE if found["well"] else NO


def _lines(found: dict[str, Any]) -> list[str]:
    if found["well"]:
        return [f"All is well: no order waits longer than {found['late_after']:g} s, every service hears."]
    lines = ["The monitor cannot read its own rows."] if found["late"] is None else []
    for group in found["groups"]:
        lines += [group["summary"], *_more(group["cause"]), f"  such as {group['examples'][0]}"]
    for cause in found["troubles"]:
        lines += [cause["sentence"], *_more(cause)]
    return lines


def _more(cause: dict[str, Any]) -> list[str]:
    told = [f"  {evidence}" for evidence in cause["evidence"]]
    return [*told, f"  try {cause['remedy']}"] if cause["remedy"] else told
