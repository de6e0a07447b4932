"""`python -m farandole.proof.hostile --records 100000` writes hostile records into both deployments and says what held."""

import json
import sys
from dataclasses import asdict

import click

from farandole.proof.ground import Missing
from farandole.proof.hostile.halves import HALVES
from farandole.proof.hostile.run import attack


@click.command()
@click.option(
    "--records", type=click.IntRange(min=1), default=100_000, show_default=True, help="Hostile records a half."
)
@click.option("--seed", type=int, default=1, show_default=True, help="What decides every record.")
@click.option("--half", "halves", multiple=True, type=click.Choice(list(HALVES)), help="Only this half.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(records: int, seed: int, halves: tuple[str, ...], as_json: bool) -> None:
    """Write random and mutated records into every topic while honest orders are placed; exits 1 when anything gave way."""
    reports = []
    for name in halves or HALVES:
        try:
            with HALVES[name]() as half:
                reports.append(attack(half, records, seed))
        except Missing as missing:
            click.echo(f"the half {name} cannot run here: {missing}", err=True)
            sys.exit(2)
        if not as_json:
            print("\n".join(reports[-1].lines()), flush=True)
    if as_json:
        print(json.dumps([asdict(report) for report in reports], indent=1))
    sys.exit(1 if any(report.violations for report in reports) else 0)


if __name__ == "__main__":
    main()
