"""What customers want: orders of all three kinds over few SKUs, some of which run out."""

from typing import Final, NamedTuple

HOT: Final = ("hot-0", "hot-1", "hot-2")
"""SKUs that most orders share; there is enough of them."""
SCARCE: Final = ("scarce-0", "scarce-1")
"""SKUs that run out while orders race for them."""
NONE: Final = "none"
"""A SKU of which nothing ever comes in."""
PLENTY: Final = 10**8
FEW: Final = 300
FINE: Final = "12.50"
REFUSED: Final = "10000.01"
UNLUCKY: Final = "unlucky"
"""Customers whose reservation the inventory's database refuses while a fault lasts."""
_UNLUCKY_EVERY: Final = 89


class Wish(NamedTuple):
    """An order, and how it may end."""

    body: bytes
    ends: frozenset[str]


def wish(number: int) -> Wish:
    """The order with a number: 14 of 20 complete, 2 cannot be paid, 1 finds no stock, 3 race for what is scarce."""
    kind, price, ends = number % 20, FINE, {"COMPLETED"}
    skus = _hot(number)
    if kind >= 17:
        skus, ends = _scarce(number), {"COMPLETED", "FAILED"}
        if kind == 19:
            price, ends = REFUSED, {"PAYMENT_FAILED", "FAILED"}
    elif kind == 16:
        skus, ends = (*skus, NONE), {"FAILED"}
    elif kind >= 14:
        price, ends = REFUSED, {"PAYMENT_FAILED"}
    return Wish(_body(number, skus, price), frozenset(ends))


def unlucky(number: int) -> bool:
    return number % _UNLUCKY_EVERY == 0


def _hot(number: int) -> tuple[str, ...]:
    """One or two SKUs, every second time in the opposite order: whoever locks as ordered meets himself."""
    first = number // 2 % len(HOT)
    pair = (HOT[first], HOT[(first + 1) % len(HOT)])
    return (pair[0],) if number % 5 == 0 else pair if number % 2 else pair[::-1]


def _scarce(number: int) -> tuple[str, ...]:
    turn = number // 20
    pair = SCARCE if turn % 2 else SCARCE[::-1]
    return pair if turn % 3 else (pair[0],)


def _body(number: int, skus: tuple[str, ...], price: str) -> bytes:
    lines = ",".join(f'{{"sku":"{sku}","quantity":{1 + number % 3},"unit_price":"{price}"}}' for sku in skus)
    name = UNLUCKY if unlucky(number) else "c"
    phone = ',"phone":"+14155550123"' if number % 3 == 0 else ""
    customer = f'{{"id":"{name}-{number}","email":"c{number}@example.com"{phone}}}'
    return f'{{"customer":{customer},"currency":"USD","lines":[{lines}]}}'.encode()
