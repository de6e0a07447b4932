"""`farandole simulate`: the simulator on the command line."""

import sys
from typing import TYPE_CHECKING

import click

from farandole.cli import exits, options, output

if TYPE_CHECKING:
    from farandole.proof.simulate.history import History
    from farandole.proof.simulate.many import Report


@click.command(epilog=options.example("farandole simulate --seeds 1000", "farandole simulate --seed 42 --trace"))
@click.option("--seeds", type=click.IntRange(1), default=500, show_default=True, help="How many histories.")
@click.option("--seed", type=click.IntRange(0), help="One history, or the first of --seeds.")
@click.option("--sweep", "swept", is_flag=True, help="Also hit every place of two quiet histories once in every way.")
@click.option("--trace", is_flag=True, help="Print the history of --seed line by line.")
@options.as_json
@click.pass_context
def simulate(context: click.Context, seeds: int, seed: int | None, swept: bool, trace: bool, as_json: bool) -> int:
    """Play whole histories of the real kernel on real SQL, with faults of every kind.

    One seed decides everything and repeats it, byte for byte. A history that goes wrong is shortened and drawn.
    Exits 1 when one does, or when what such a run should see at least once was never seen.
    """
    from farandole.proof.simulate import many

    alone = seed is not None and context.get_parameter_source("seeds") is click.core.ParameterSource.DEFAULT
    if alone and seed is not None:
        return _one(seed, trace)
    if trace:
        raise click.UsageError("expected --trace with --seed alone, found many histories")
    report = many.simulate(seed or 0, seeds, _progress)
    if swept:
        report.add(many.sweep(_progress))
    return _tell(report, as_json)


def _one(seed: int, trace: bool) -> int:
    from farandole.proof.simulate.history import play

    history = play(seed)
    if trace:
        click.echo(history.trace, nl=False)
    if history.violations:
        _explain(history)
        return exits.NO
    click.echo(
        f"seed {seed}: {history.orders} orders, {history.points:,} points, {len(history.picked)} picks, all is well"
    )
    return exits.DONE


def _progress(report: "Report") -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{report.histories + report.hits:,} histories, {report.violations} wrong", nl=False, err=True)


def _explain(history: "History") -> None:
    from farandole.proof.simulate.shrink import shrink
    from farandole.proof.simulate.story import tell

    click.echo(tell(shrink(history)))


def _tell(report: "Report", as_json: bool) -> int:
    if as_json:
        output.json_lines(report.summary())
    else:
        _summarise(report)
    for history in report.failures[:1]:
        _explain(history)
    return exits.NO if report.violations or report.missing else exits.DONE


def _summarise(report: "Report") -> None:
    click.echo(
        f"{report.histories:,} histories and {report.hits:,} hits of quiet ones: {report.orders:,} orders,"
        f" {report.points:,} places where something could happen, {report.seconds:.0f} s"
    )
    output.table(("times", "what was seen"), [(f"{times:,}", what) for what, times in report.seen.most_common()])
    click.echo(f"{report.violations:,} went wrong")
    if report.missing:
        click.echo(f"never seen, so nothing is shown of it: {', '.join(report.missing)}")
