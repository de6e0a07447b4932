"""`farandole order …` and `farandole diagram`: what a customer and an onlooker may ask."""

import json
from typing import Any

import click

from farandole.cli import options, output
from farandole.cli.exits import DONE, NO

LINE = "SKU:QUANTITY:PRICE"


@click.group()
def order() -> None:
    """Place and watch orders."""


@order.command(
    epilog=options.example(
        "farandole order place --sku tea --quantity 2 --price 19.99 --wait 10",
        "farandole order place --line tea:2:19.99 --line mug:1:8.50 --customer c-42 --email ada@example.com",
    )
)
@click.option("--sku", help="What is ordered; with --price.")
@click.option("--quantity", type=int, default=1, show_default=True, help="How many of --sku.")
@click.option("--price", metavar="AMOUNT", help="Price of one, such as 19.99.")
@click.option("--line", "lines", metavar=LINE, multiple=True, help="A whole line, such as tea:2:19.99; repeatable.")
@click.option("--customer", default="guest", show_default=True, metavar="ID", help="Who orders.")
@click.option("--email", help="Where to send e-mail about the order.")
@click.option("--phone", help="Where to send SMS about the order, such as +14155550123.")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217 code.")
@click.option("--wait", type=click.IntRange(0, 30), metavar="N", help="Wait up to N seconds for the outcome.")
@click.option("--idempotency-key", metavar="KEY", help="Saying it twice with one key places one order.")
@options.url
@options.as_json
def place(url: str | None, as_json: bool, wait: int | None, idempotency_key: str | None, **given: Any) -> int:
    """Place an order.

    With --wait it exits 1 when the order failed.
    """
    headers = {"Idempotency-Key": idempotency_key, "Prefer": f"wait={wait}" if wait else None}
    placed = _client(url).post("orders", body=_wish(**given), headers=headers, wait=wait or 0)
    _show(placed, as_json)
    if wait and placed.get("status") == "PENDING":
        click.echo(f"farandole: the order is still under way after {wait} s", err=True)
    return NO if wait and str(placed.get("status")).endswith("FAILED") else DONE


@order.command(epilog=options.example("farandole order show 0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"))
@click.argument("order_id")
@options.url
@options.as_json
def show(order_id: str, url: str | None, as_json: bool) -> None:
    """Show one order and what became of it."""
    _show(_client(url).get("orders", order_id), as_json)


@order.command("list", epilog=options.example("farandole order list --status PAYMENT_FAILED --limit 10"))
@click.option("--status", help="Only orders in this status, such as COMPLETED.")
@click.option("--customer", metavar="ID", help="Only orders of this customer.")
@click.option("--limit", type=int, metavar="N", help="At most N, up to 200.  [default: 50]")
@click.option("--cursor", help="Go on where an earlier page ended.")
@options.url
@options.as_json
def list_(url: str | None, as_json: bool, customer: str | None, **query: object) -> None:
    """List orders, newest first."""
    page = _client(url).get("orders", customer_id=customer, **query)
    if as_json:
        return output.json_lines(page)
    rows = [
        (o.get("id"), o.get("status"), f"{o.get('total')} {o.get('currency')}", o.get("placed_at"))
        for o in page["items"]
    ]
    output.table(("order", "status", "total", "placed"), rows)
    if page.get("next_cursor"):
        click.echo(f"There are more: --cursor {output.printable(page['next_cursor'])}")
    return None


@order.command(epilog=options.example("farandole order watch 0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"))
@click.argument("order_id")
@options.url
@options.as_json
def watch(order_id: str, url: str | None, as_json: bool) -> None:
    """Follow an order's steps as they happen, to the last one."""
    for message in _client(url).follow("orders", order_id, "events"):
        if message.event != "step":
            continue
        step = json.loads(message.data)
        click.echo(json.dumps(step, ensure_ascii=False) if as_json else _told(step))


@click.command(epilog=options.example("farandole diagram", "farandole diagram 0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"))
@click.argument("order_id", required=False)
@options.url
def diagram(order_id: str | None, url: str | None) -> None:
    """Draw an order, or the three flows, as Mermaid.

    Without ORDER_ID it draws the choreography itself and needs no server.
    """
    if order_id is not None:
        return click.echo(_client(url).text("orders", order_id, "diagram").rstrip("\n"))
    from farandole.contract.choreography import FLOWS
    from farandole.contract.diagram import flow_diagram

    click.echo("\n\n".join(f"%% {name}\n{flow_diagram(name).strip()}" for name in FLOWS))
    return None


def _client(url: str | None) -> Any:
    from farandole.cli.client import Client

    return Client(options.settings(url=url).url)


def _wish(lines: tuple[str, ...], sku: str | None, quantity: int, price: str | None, **who: str | None) -> object:
    if (sku is None) != (price is None):
        raise click.UsageError("expected --sku and --price together, found one of them")
    wanted = [_line(line) for line in lines]
    if sku is not None:
        wanted.insert(0, {"sku": sku, "quantity": quantity, "unit_price": price})
    if not wanted:
        raise click.UsageError(f"expected --sku and --price, or --line {LINE}, found no line")
    contact = {name: who[name] for name in ("email", "phone") if who[name] is not None}
    return {"customer": {"id": who["customer"], **contact}, "currency": who["currency"], "lines": wanted}


def _line(text: str) -> dict[str, object]:
    match text.split(":"):
        case [sku, quantity, price] if quantity.isascii() and quantity.isdigit():
            return {"sku": sku, "quantity": int(quantity), "unit_price": price}
    raise click.UsageError(f"expected --line {LINE}, found {text!r}")


def _show(order: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return output.json_lines(order)
    total = f"{order.get('total')} {order.get('currency')}"
    customer = " ".join(str(part) for part in order.get("customer", {}).values() if part)
    shown = {"order": order.get("id"), "status": order.get("status"), "total": total, "customer": customer}
    if reason := order.get("reason"):
        shown["reason"] = f"{reason.get('code')}: {reason.get('detail')}"
    return output.fields(shown | {"placed": order.get("placed_at"), "updated": order.get("updated_at")})


def _told(step: dict[str, Any]) -> str:
    said = f" → {step['said']}" if step.get("said") else ""
    return output.printable(f"{step.get('at')}  {step.get('service', ''):<12}  {step.get('step')}{said}")
