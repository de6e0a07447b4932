"""How long ago an order was placed, as a place in a list: ids of orders begin with the time."""

import time
from typing import Final

from farandole.http import parameters

AGES: Final = {"10": "10 seconds", "60": "a minute", "600": "10 minutes", "3600": "an hour", "86400": "a day"}
"""Seconds since an order was placed, at least."""


def asked(query: dict[str, str]) -> dict[str, str]:
    """What a service is asked for a page's query: older ones are those that follow an id of that time."""
    found = {name: value for name, value in query.items() if name != "older"}
    older = query.get("older", "")
    if older in AGES and "cursor" not in found:
        found["cursor"] = parameters.write_cursor(id_at(time.time_ns() // 1000 - int(older) * 1_000_000))
    return found


def id_at(at: int) -> str:
    """An order id that is greater than those of orders placed before a time (microseconds), less than those since."""
    digits = f"{at // 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"
