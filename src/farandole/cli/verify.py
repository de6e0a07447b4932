"""`farandole verify`: the model checker."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from farandole.cli import exits, options, output

if TYPE_CHECKING:
    from farandole.proof.verify import Result

COLUMNS = ("world", "states", "transitions", "depth", "ends", "seconds", "reduced to")
LINE = "{:<18}  {:>11}  {:>11}  {:>5}  {:>4}  {:>7}  {}"


@click.command(epilog=options.example("farandole verify --small", "farandole verify --world last-unit"))
@click.option("--world", "names", multiple=True, metavar="NAME", help="Exhaust this world; may be given several times.")
@click.option("--small", is_flag=True, help="Only the worlds that are exhausted in seconds.")
@click.option("--list", "listed", is_flag=True, help="List the worlds and what each is about.")
@options.as_json
def verify(names: tuple[str, ...], small: bool, listed: bool, as_json: bool) -> None:
    """Exhaust every interleaving of small worlds, with the real handlers.

    Deliveries in any order, duplicates and crashes at every point; the invariants hold in every state and every end, and
    from every state an end can be reached. A violation is printed as the shortest run, as a Mermaid sequence diagram.
    """
    from farandole.proof.verify import checker, worlds

    try:
        chosen = worlds.chosen(names, small=small)
    except worlds.UnknownWorld as error:
        raise click.BadParameter(str(error), param_hint="--world") from error
    if listed:
        return output.table(("world", "detail", "about"), [(w.name, w.detail, w.about) for w in chosen])
    results = []
    if not as_json:
        click.echo(LINE.format(*COLUMNS))
    for world in chosen:
        results.append(checker.verify(world))
        if not as_json:
            _show(results[-1])
    if as_json:
        output.json_lines([asdict(result) for result in results])
    else:
        _total(results)
    if violated := [result.world for result in results if not result.holds]:
        raise exits.No(f"expected every world to hold, found violations in {', '.join(violated)}")
    if large := [result.world for result in results if not result.exhausted]:
        raise exits.No(f"expected every world to be exhausted, gave up in {', '.join(large)}")
    return None


def _show(result: "Result") -> None:
    counts = (f"{result.states:,}", f"{result.transitions:,}", result.depth, result.ends, f"{result.seconds:.1f}")
    click.echo(LINE.format(result.world, *counts, result.bounds))
    if result.diagram:
        click.echo(f"\nThe shortest run, {result.steps} steps:\n\n{result.diagram}")


def _total(results: "list[Result]") -> None:
    states, transitions = (sum(getattr(r, name) for r in results) for name in ("states", "transitions"))
    seconds = sum(r.seconds for r in results)
    click.echo(LINE.format("total", f"{states:,}", f"{transitions:,}", "", "", f"{seconds:.1f}", "").rstrip())
