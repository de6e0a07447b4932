"""`farandole dead-letters …`: records that were parked because nobody could understand them."""

from typing import TYPE_CHECKING, Any

import click

from farandole.cli import options, output
from farandole.cli.exits import No

if TYPE_CHECKING:
    from farandole.cli.client import Client

COLUMNS = ("id", "service", "from", "parked", "state", "error")
GROUP_COLUMNS = ("cause", "service", "topic", "letters", "newest", "error")
REFUSALS = (403, 404, 409, 422)
SEVERAL = 200
"""Letters that one request handles."""

letter = click.argument("letter_id", metavar="ID")
one_or_several = click.argument("letter_id", metavar="[ID]", required=False)
cause = click.option("--cause", metavar="CAUSE", help="All open ones of a cause, as `groups` names it.")
everything = click.option("--all", "everything", is_flag=True, help="All open ones.")
reason = click.option("--reason", metavar="TEXT", help="Why, kept with what is done.")
actor = click.option("--as", "actor", metavar="NAME", help="Who does it, kept with what is done.")


@click.group("dead-letters")
def dead_letters() -> None:
    """See, preview, replay and discard records that were parked."""


@dead_letters.command("list", epilog=options.example("farandole dead-letters list --state OPEN"))
@click.option("--state", type=click.Choice(("OPEN", "REPLAYED", "DISCARDED")), help="Only those that stand so.")
@click.option("--cause", metavar="CAUSE", help="Only those of a cause, as `groups` names it.")
@click.option("--key", metavar="KEY", help="Only those with this key: an order's id.")
@options.url
@options.as_json
def list_(state: str | None, cause: str | None, key: str | None, url: str | None, as_json: bool) -> None:
    """List parked records."""
    letters = _client(url).pages("dead-letters", state=state, cause=cause, key=key)
    if as_json:
        return output.json_lines({"items": letters})
    return output.table(COLUMNS, [_row(letter) for letter in letters])


@dead_letters.command(epilog=options.example("farandole dead-letters groups"))
@options.url
@options.as_json
def groups(url: str | None, as_json: bool) -> None:
    """List why records are parked, and how many for each cause."""
    found = _client(url).get("dead-letters", "groups")
    if as_json:
        return output.json_lines(found)
    return output.table(GROUP_COLUMNS, [[group[name] for name in GROUP_COLUMNS] for group in found["items"]])


@dead_letters.command(epilog=options.example("farandole dead-letters show 0190a0a0-0000-7000-8000-000000000007"))
@letter
@options.url
@options.as_json
def show(letter_id: str, url: str | None, as_json: bool) -> None:
    """Show one parked record: where it came from, its error, its bytes, and what was done with it."""
    found = _client(url).get("dead-letters", letter_id)
    if as_json:
        return output.json_lines(found)
    output.fields(found["letter"])
    for action in found["history"]:
        click.echo()
        output.fields(action)
    return None


@dead_letters.command(epilog=options.example("farandole dead-letters preview 0190a0a0-0000-7000-8000-000000000007"))
@letter
@options.url
@options.as_json
def preview(letter_id: str, url: str | None, as_json: bool) -> None:
    """Show what a replay would change and say, changing nothing; exits 1 when it would fail again."""
    found = _client(url).post("dead-letters", letter_id, "preview", refusals=REFUSALS)
    if as_json:
        return output.json_lines(found)
    changes = [(change["table"], change["before"], change["after"]) for change in found["changes"]]
    output.table(("table", "before", "after"), changes)
    return output.fields(found["says"] or {"says": None})


@dead_letters.command(
    epilog=options.example(
        "farandole dead-letters replay 0190a0a0-0000-7000-8000-000000000007 --as ada",
        "farandole dead-letters replay --cause 3f29c07be1d8a654 --reason 'the bug is mended' --as ada",
    )
)
@one_or_several
@cause
@everything
@reason
@actor
@options.url
@options.as_json
def replay(letter_id: str | None, url: str | None, as_json: bool, **how: Any) -> None:
    """Give parked records to their service once more; exits 1 when one fails again and stays parked."""
    if letter_id is None:
        return _several(_client(url), "replays", as_json, **how)
    _one_only(**how)
    outcome = _client(url).post(
        "dead-letters",
        letter_id,
        "replay",
        query={"reason": how["reason"]},
        headers={"X-Actor": how["actor"]},
        refusals=REFUSALS,
    )
    return output.json_lines(outcome) if as_json else output.fields(outcome)


@dead_letters.command(
    epilog=options.example(
        "farandole dead-letters discard 0190a0a0-0000-7000-8000-000000000007 --reason 'a test' --as ada"
    )
)
@one_or_several
@cause
@everything
@click.option("--reason", metavar="TEXT", required=True, help="Why, kept with what is done.")
@actor
@options.url
@options.as_json
def discard(letter_id: str | None, url: str | None, as_json: bool, **how: Any) -> None:
    """Set parked records aside for good; they are kept."""
    if letter_id is None:
        return _several(_client(url), "discards", as_json, **how)
    _one_only(**how)
    body, headers = {"reason": how["reason"]}, {"X-Actor": how["actor"]}
    outcome = _client(url).post("dead-letters", letter_id, "discard", body=body, headers=headers, refusals=REFUSALS)
    return output.json_lines(outcome) if as_json else output.fields(outcome)


def _one_only(*, cause: str | None, everything: bool, **_: object) -> None:
    if cause is not None or everything:
        raise click.UsageError("expected an ID or --cause or --all, found several of them")


def _several(client: "Client", what: str, as_json: bool, **how: Any) -> None:
    """Handle letters request by request, telling on standard error how far it is."""
    if (how["cause"] is None) == (not how["everything"]):
        raise click.UsageError("expected an ID or --cause or --all, found none or several of them")
    total: dict[str, Any] = {"done": 0, "failed": 0, "error": None}
    query = {"cause": how["cause"], "reason": how["reason"], "limit": str(SEVERAL), "cursor": None}
    while True:
        answer = client.post(
            "dead-letters", what, query=query, headers={"X-Actor": how["actor"]}, wait=30, refusals=REFUSALS
        )
        total["done"] += answer["done"]
        total["failed"] += answer["failed"]
        total["error"] = answer["error"] or total["error"]
        query["cursor"] = answer["next_cursor"]
        if query["cursor"] is None:
            break
        click.echo(f"{total['done']} done, {total['failed']} failed again, {answer['left']} left", err=True)
    _tell(total, as_json)
    if total["failed"]:
        raise No(f"{total['failed']} failed again and stay parked, the last one: {total['error']}")


def _tell(total: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.json_lines(total)
    else:
        output.fields(total)


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
    origin = "{topic}[{partition}]@{offset}".format(**letter["origin"])
    return (letter["id"], letter["service"], origin, letter["parked_at"], letter["state"], letter["error"])


def _client(url: str | None) -> "Client":
    from farandole.cli.client import Client

    return Client(options.settings(url=url).url)
