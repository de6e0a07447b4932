"""`farandole stock …`: what is on the shelf."""

from typing import Any

import click

from farandole.cli import options, output


@click.group()
def stock() -> None:
    """See what is in stock and take goods in."""


@stock.command("list", epilog=options.example("farandole stock list", "farandole stock list --below 10"))
@click.option("--below", type=click.IntRange(1), metavar="N", help="Only SKUs of which less than N are available.")
@options.url
@options.as_json
def list_(url: str | None, as_json: bool, below: int | None) -> None:
    """List every SKU with what is available and what is reserved."""
    from farandole.cli.client import Client

    items = Client(options.settings(url=url).url).pages("stock", below=below)
    if as_json:
        return output.json_lines({"items": items, "next_cursor": None})
    return _show(items)


@stock.command(epilog=options.example("farandole stock receive tea 100"))
@click.argument("sku")
@click.argument("quantity", type=int)
@click.option("--idempotency-key", metavar="KEY", help="Saying it twice with one key takes the goods in once.")
@options.url
@options.as_json
def receive(sku: str, quantity: int, idempotency_key: str | None, url: str | None, as_json: bool) -> None:
    """Take QUANTITY of SKU in; a new SKU is created."""
    from farandole.cli.client import Client

    client = Client(options.settings(url=url).url)
    headers = {"Idempotency-Key": idempotency_key}
    row = client.post("stock", sku, "receipts", body={"quantity": quantity}, headers=headers)
    return output.json_lines(row) if as_json else _show([row])


def _show(items: list[dict[str, Any]]) -> None:
    columns = ("sku", "available", "reserved")
    output.table(columns, [[item.get(column) for column in columns] for item in items])
