"""Orders that a form places: of each kind, one or a burst, over the same routes as everybody's."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from farandole.contract.choreography import FLOWS
from farandole.http.parameters import fits
from farandole.http.problems import FieldError, Problem, invalid
from farandole.web.branches import ask
from farandole.web.sources import Sources

MOST: Final = 100
"""Orders that a form places at once."""
EACH: Final = "one of each"
KINDS: Final[Mapping[str, str]] = {
    EACH: "one of each kind, in turn",
    "happy": "are completed",
    "payment-failure": "fail at payment",
    "stock-failure": "fail for lack of stock",
}
GOODS: Final = {
    "happy": ("tea", "4.50"),
    "payment-failure": ("grand-piano", "12500.00"),
    "stock-failure": ("unicorn", "1.00"),
}
"""What is ordered, and its price: never more is received of the last than `farandole up --demo` sells at once."""
RECEIVED: Final = 1_000_000


async def place(sources: Sources, fields: Mapping[str, str]) -> str:
    """Place what a form asks for; where to look afterwards."""
    kind, count = fields.get("kind", EACH), fields.get("count", "1")
    if kind not in KINDS:
        raise invalid(FieldError("kind", f"expected one of {', '.join(KINDS)}"))
    if not fits("[0-9]{1,3}", count) or not 1 <= int(count) <= MOST:
        raise invalid(FieldError("count", f"expected an integer 1 to {MOST}"))
    flows = list(FLOWS) if kind == EACH else [kind]
    wanted = [flows[number % len(flows)] for number in range(max(int(count), len(flows)))]
    await _stock(sources, set(wanted) - {"stock-failure"})
    placed = await asyncio.gather(*(_post(sources, "order", "/api/orders", _wish(flow)) for flow in wanted))
    return f"/orders/{placed[0]['id']}" if len(placed) == 1 else "/"


async def _stock(sources: Sources, flows: set[str]) -> None:
    """Goods in, once however often it is asked."""
    for flow in sorted(flows):
        sku = GOODS[flow][0]
        body = {"quantity": RECEIVED}
        await _post(sources, "inventory", f"/api/stock/{sku}/receipts", body, {"Idempotency-Key": f"page-{sku}"})


def _wish(flow: str) -> dict[str, Any]:
    sku, price = GOODS[flow]
    who = {"id": "visitor", "email": "visitor@example.com", "phone": "+14155550123"}
    return {"customer": who, "currency": "USD", "lines": [{"sku": sku, "quantity": 1, "unit_price": price}]}


async def _post(
    sources: Sources, service: str, path: str, body: dict[str, Any], headers: Mapping[str, str] | None = None
) -> Any:
    client = sources.branches.get(service)
    if client is None:
        raise Problem(503, f"the address of the {service} service is not known here")
    answer = await ask(client, "POST", path, json=body, headers=dict(headers or {}))
    if not answer.is_success:
        raise Problem(answer.status_code, answer.json().get("detail"))
    return answer.json()
