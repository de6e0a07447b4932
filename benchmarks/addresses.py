"""What pages ask for: each of them, and each route that they ask again and again."""

import time
from typing import Final, NamedTuple
from urllib.parse import urlencode

import httpx

from farandole.http.parameters import write_cursor
from farandole.web.ages import id_at

HALF_A_DAY: Final = 43_200_000_000
NOBODY: Final = "nobody@example.org"


class Address(NamedTuple):
    """`name` says it without ids; a piece is what a page asks for to replace itself."""

    name: str
    path: str
    piece: bool = False


class Known(NamedTuple):
    """One order of a store, and what finds it."""

    order_id: str
    event_id: str
    customer: str
    email: str
    letter: str | None


def known(client: httpx.Client, status: str) -> Known:
    """The newest order in a status, and the newest dead letter."""
    order = client.get("/api/orders", params={"status": status, "limit": 1}).raise_for_status().json()["items"][0]
    steps = client.get(f"/api/orders/{order['id']}/timeline").raise_for_status().json()["steps"]
    letters = client.get("/api/dead-letters", params={"limit": 1}).raise_for_status().json()["items"]
    customer = order["customer"]
    letter = letters[0]["id"] if letters else None
    return Known(order["id"], steps[0]["event_id"], customer["id"], customer["email"], letter)


def addresses(one: Known) -> list[Address]:
    return [*_orders(one), *_order(one.order_id), *_overviews(), *_shelves(one.order_id), *_letters(one.letter)]


def _orders(one: Known) -> list[Address]:
    searches = {
        "a customer": one.customer,
        "nobody": "nobody",
        "an e-mail address": one.email,
        "nobody's e-mail address": NOBODY,
        "an order's id": one.order_id,
        "an event's id": one.event_id,
    }
    both = urlencode({"status": "PAYMENT_FAILED", "customer_id": one.customer})
    return [
        Address("/", "/"),
        Address("/, again", "/", piece=True),
        Address("/, half a day back", f"/?cursor={_half_a_day_back()}"),
        Address("/?older=3600", "/?older=3600"),
        *(Address(f"/?status={status}", f"/?status={status}") for status in ("PENDING", "COMPLETED", "FAILED")),
        Address("/?status=PENDING, half a day back", f"/?status=PENDING&cursor={_half_a_day_back()}"),
        Address("/?status=PAYMENT_FAILED of a customer", f"/?{both}"),
        *(Address(f"/?q= {what}", f"/?{urlencode({'q': text})}") for what, text in searches.items()),
    ]


def _order(order_id: str) -> list[Address]:
    page, api = f"/orders/{order_id}", f"/api/orders/{order_id}"
    return [
        Address("/orders/{id}", page),
        Address("/orders/{id}, again", page, piece=True),
        Address("/orders/{id}/doctor", f"{page}/doctor", piece=True),
        Address("/api/orders/{id}", api),
        *(Address(f"/api/orders/{{id}}/{what}", f"{api}/{what}") for what in ("timeline", "diagram", "diagnosis")),
    ]


def _overviews() -> list[Address]:
    return [
        *(Address(page, page) for page in ("/system", "/doctor", "/ledger")),
        *(Address(f"{page}, again", page, piece=True) for page in ("/system", "/doctor", "/ledger")),
        *(Address(f"/api/statistics?minutes={m}", f"/api/statistics?minutes={m}") for m in (60, 1440)),
        *(Address(path, path) for path in ("/api/diagnosis", "/api/ledger", "/api/status", "/metrics")),
    ]


def _shelves(order_id: str) -> list[Address]:
    return [
        Address("/stock", "/stock"),
        Address("/stock, half of it further", f"/stock?cursor={write_cursor('SKU-000500')}"),
        Address("/payments", "/payments"),
        Address("/payments, half a day back", f"/payments?cursor={_half_a_day_back()}"),
        Address("/notifications", "/notifications"),
        Address("/notifications?order_id=", f"/notifications?order_id={order_id}"),
    ]


def _letters(letter: str | None) -> list[Address]:
    one = [Address("/dead-letters/{id}", f"/dead-letters/{letter}")] if letter else []
    paths = ("/dead-letters", "/dead-letters?state=ALL", "/api/dead-letters", "/api/dead-letters/groups")
    return [*(Address(path, path) for path in paths), *one]


def _half_a_day_back() -> str:
    """Where a list goes on with what was placed before."""
    return write_cursor(id_at(time.time_ns() // 1000 - HALF_A_DAY))
