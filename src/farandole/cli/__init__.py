"""The command line; a command imports what it needs when it runs, so that help is instant."""

import sys

import click

from farandole import __version__
from farandole.cli import (
    dead_letters,
    doctor,
    exits,
    options,
    orders,
    output,
    servers,
    simulate,
    stock,
    torture,
    verify,
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=options.example("farandole demo", "farandole up --demo"),
)
@click.version_option(__version__, prog_name="farandole", message="%(prog)s %(version)s")
def farandole() -> None:
    """Order fulfilment as a choreographed saga: four services that hear and answer each other's events.

    Start with `farandole demo`; `farandole up` runs everything in one process.
    """


@click.command(epilog=options.example("farandole settings"))
@options.as_json
def settings(as_json: bool) -> None:
    """List every setting with its default and its meaning."""
    from farandole.runtime.settings import describe

    columns = ("setting", "default", "meaning")
    if as_json:
        return output.json_lines([dict(zip(columns, row, strict=True)) for row in describe()])
    return output.table(columns, describe())


for command in (
    servers.up,
    servers.demo,
    servers.serve,
    servers.topics,
    servers.migrate,
    orders.order,
    stock.stock,
    orders.diagram,
    dead_letters.dead_letters,
    doctor.doctor,
    servers.republish,
    simulate.simulate,
    torture.torture,
    verify.verify,
    settings,
):
    farandole.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(exits.run(farandole, sys.argv[1:]))
