"""The command that makes real things fail."""

import click

from farandole.cli import options


@click.command(
    epilog=options.example("farandole torture --minutes 5", "farandole torture --minutes 20 --seed 7 --json")
)
@click.option("--minutes", type=click.FloatRange(min=0), default=5, show_default=True, help="How long to go on.")
@click.option("--seed", type=int, help="Which faults, in which order.  [default: drawn, and printed]")
@options.as_json
def torture(minutes: float, seed: int | None, as_json: bool) -> int:
    """Kill, freeze, cut off and fill up real servers and services under load, and check every invariant.

    Starts its own Kafka and PostgreSQL and two processes of each service; as root a disk runs full, too.
    Exits 1 when an invariant is violated, an order is lost, or a fault never hit anything.
    """
    import random

    from farandole.cli.output import json_lines
    from farandole.proof.torture.running import run
    from farandole.proof.torture.summary import summary

    chosen = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {chosen}", err=as_json)
    report = run(minutes, chosen, lambda line: click.echo(line, err=as_json))
    if as_json:
        json_lines(report.figures())
    else:
        for line in summary(report):
            click.echo(line)
    return 1 if report.violations else 0
