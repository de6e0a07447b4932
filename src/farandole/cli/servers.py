"""Commands that run the system or prepare what it runs on."""

from datetime import UTC, datetime

import click

from farandole.cli import options

SERVICES = ("order", "inventory", "payment", "notification")
SERVERS = (*SERVICES, "monitor")


@click.command(epilog=options.example("farandole up --demo", "farandole up --port 8080 --data ./orders"))
@options.host
@options.port
@options.data
@click.option("--demo", is_flag=True, help="Stock a small catalogue and keep placing orders of all three kinds.")
def up(demo: bool, **flags: str | None) -> int:
    """Run the whole system in this process, on SQLite.

    Needs neither Kafka nor PostgreSQL; the dashboard is at http://127.0.0.1:8000/.
    """
    settings = options.settings(**flags)
    from farandole.runtime.embedded import up as run

    return run(settings, demo=demo)


@click.command(epilog=options.example("farandole demo"))
def demo() -> int:
    """Dance the three flows once and print what was recorded.

    Runs in a temporary folder, in seconds. Exits 1 when a recorded diagram differs from the specification.
    """
    from farandole.runtime.demo import demo as dance

    return dance()


@click.command(
    epilog=options.example(
        "farandole serve order --kafka localhost:9092 \\",
        "  --database postgresql+psycopg://order:secret@localhost/order --port 8001",
    )
)
@click.argument("service", type=click.Choice(SERVERS))
@options.kafka
@options.database
@options.host
@options.port
def serve(service: str, **flags: str | None) -> int:
    """Run one service on Kafka and its own PostgreSQL database.

    Each option may come from the settings instead (`farandole settings`).
    """
    settings = options.settings(**flags)
    options.required(settings.kafka, "kafka")
    options.required(settings.database, "database")
    from farandole.runtime.distributed import serve as run

    return run(service, settings)


@click.command(epilog=options.example("farandole topics --kafka localhost:9092"))
@options.kafka
def topics(kafka: str | None) -> None:
    """Create missing topics and check the others; may be repeated."""
    settings = options.settings(kafka=kafka)
    options.required(settings.kafka, "kafka")
    from farandole.runtime.distributed import create_topics

    for line in create_topics(settings):
        click.echo(line)


@click.command(
    epilog=options.example("farandole migrate order --database postgresql+psycopg://order:secret@localhost/order")
)
@click.argument("service", type=click.Choice(SERVERS))
@options.database
def migrate(service: str, database: str | None) -> None:
    """Bring one service's database up to date; may be repeated."""
    url = options.required(options.settings(database=database).database, "database")
    from farandole.runtime.migrations import migrate as update

    click.echo(update(service, url))


@click.command(
    epilog=options.example(
        "farandole republish order --since 2030-01-31T12:00:00Z",
        "farandole republish payment --order 0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80",
    )
)
@click.argument("service", type=click.Choice(SERVICES))
@click.option("--order", metavar="ID", help="Only what was said about this order.")
@click.option("--since", metavar="TIME", help="Only what was said from this time on (RFC 3339; UTC if without zone).")
@options.kafka
@options.database
@options.data
def republish(service: str, order: str | None, since: str | None, **flags: str | None) -> None:
    """Say again, from the stored rows, what a service has said.

    Harmless: the others take the same events under the same ids for duplicates. Without --kafka it works
    on the folder of `farandole up`, which must be stopped first.
    """
    start = None if since is None else microseconds(since)
    settings = options.settings(**flags)
    if settings.kafka:
        options.required(settings.database, "database")
    from farandole.runtime.republish import republish as say_again

    click.echo(f"{say_again(service, settings, order, start)} events said again")


def microseconds(time: str) -> int:
    """Microseconds since 1970 in UTC of an RFC 3339 time or date."""
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        raise click.UsageError(f"expected --since as 2030-01-31T12:00:00Z, found {time!r}") from None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    elapsed = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
