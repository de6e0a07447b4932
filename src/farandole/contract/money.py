"""Money is a decimal string with the currency's digits outside, integer minor units inside."""

import re
from functools import cache
from typing import Final

from iso4217 import Currency

MOST_FIGURES: Final = 18
"""Figures of the largest amount in minor units: both databases keep 64-bit integers."""
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)

DIGITS: Final[dict[str, int]] = {c.code: c.exponent for c in Currency if c.exponent is not None}
"""Digits after the point of every active ISO 4217 currency."""


class MalformedAmount(ValueError):
    """An amount is not a plain decimal of its currency."""


@cache
def digits(currency: str) -> int:
    """The digits after the point of a currency; raises MalformedAmount for an unknown one."""
    try:
        return DIGITS[currency]
    except KeyError:
        raise MalformedAmount(f"expected an active ISO 4217 currency code, found {currency!r}") from None


def minor(amount: str, currency: str) -> int:
    """Minor units of a plain decimal: `minor("19.9", "USD") == 1990`."""
    places = digits(currency)
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise MalformedAmount(f"expected a plain decimal such as {decimal(1999, currency)!r}, found {amount[:40]!r}")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > places:
        raise MalformedAmount(f"expected at most {places} digits after the point for {currency}, found {amount[:40]!r}")
    figures = whole + fraction.ljust(places, "0")
    if len(figures) > MOST_FIGURES:
        raise MalformedAmount(f"expected an amount below 10^{MOST_FIGURES} minor units, found {amount[:40]!r}")
    return int(figures)


def decimal(amount: int, currency: str) -> str:
    """The decimal string of minor units: `decimal(1990, "USD") == "19.90"`."""
    places = digits(currency)
    if places == 0:
        return str(amount)
    text = str(amount).zfill(places + 1)
    return f"{text[:-places]}.{text[-places:]}"
