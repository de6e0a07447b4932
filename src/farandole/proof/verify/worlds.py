"""The worlds that are exhausted: who orders what of which stock, and how much of the bookkeeping is looked at.

SMALL ones take seconds, LARGE ones minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from farandole.proof.verify.actors import Actor, Order, Receipt
from farandole.proof.verify.protocol import Detail

PROCESSES, DURABLE, HEARD = Detail


@dataclass(frozen=True)
class World:
    """`stock` are SKUs and quantities at the beginning."""

    name: str
    actors: tuple[Actor, ...]
    stock: tuple[tuple[str, int], ...]
    detail: Detail
    about: str


ORDINARY: Final = Order()
BELOW: Final = Order(price="9999.99")
EXACTLY: Final = Order(price="10000.00")
ABOVE: Final = Order(price="10000.01")
KEYED: Final = Order(keyed=True)
GOODS: Final = Receipt()
FORGED: Final = Order(forged=True)
TWICE_ONE_SKU: Final = Order(lines=(("tea", 1), ("tea", 1)))
TEA_MILK: Final = Order(lines=(("tea", 1), ("milk", 1)))
MILK_TEA: Final = Order(lines=(("milk", 1), ("tea", 1)))
MUCH: Final = (("tea", 9),)
ONE: Final = (("tea", 1),)
TWO: Final = (("tea", 2),)
EACH: Final = (("milk", 1), ("tea", 1))
NONE: Final = ()

# fmt: off
SMALL: Final = (
    #     name                 who acts                  stock  detail     what it is about
    World("happy",             (ORDINARY,),              ONE,   PROCESSES, "one order is completed"),
    World("payment-failure",   (ABOVE,),                 ONE,   PROCESSES, "a payment fails, and is heard of again"),
    World("stock-failure",     (ORDINARY,),              NONE,  PROCESSES, "one order is rejected"),
    World("posted-twice",      (KEYED,),                 ONE,   PROCESSES, "an order is posted twice under one key"),
    World("forged",            (FORGED,),                TWO,   PROCESSES, "an order is placed by a stranger once more"),
    World("one-sku-twice",     (TWICE_ONE_SKU,),         ONE,   PROCESSES, "two lines of one SKU want one unit"),
    World("last-unit",         (ORDINARY,) * 2,          ONE,   DURABLE,   "two orders race for one unit"),
    World("receipt",           (ORDINARY, GOODS),        NONE,  DURABLE,   "goods come in while an order wants them"),
    World("receipt-beside",    (ORDINARY, GOODS),        ONE,   DURABLE,   "goods come in while an order takes what is there"),
    World("opposite-lines",    (TEA_MILK, MILK_TEA),     EACH,  DURABLE,   "two orders want two SKUs in opposite order"),
    World("limit-below",       (BELOW, EXACTLY),         MUCH,  DURABLE,   "amounts below and exactly on the limit"),
    World("limit-above",       (EXACTLY, ABOVE),         MUCH,  HEARD,     "amounts exactly on and above the limit"),
    World("released",          (ABOVE, ORDINARY),        ONE,   HEARD,     "an order may take what another releases"),
    World("two-units",         (ORDINARY,) * 3,          TWO,   HEARD,     "three orders race for two units"),
)
LARGE: Final = (
    World("last-unit-crashes", (ORDINARY,) * 2,          ONE,   PROCESSES, "two orders race, processes crash anywhere"),
    World("released-durable",  (ABOVE, ORDINARY),        ONE,   DURABLE,   "an order may take what another releases"),
    World("two-units-durable", (ORDINARY,) * 3,          TWO,   DURABLE,   "three orders race for two units"),
    World("two-released",      (ABOVE, ABOVE, ORDINARY), ONE,   HEARD,     "a third order may take what two release"),
    World("two-receipts",      (ORDINARY, ORDINARY, GOODS, GOODS), NONE, HEARD, "goods come in twice, two want them"),
    World("limit",             (BELOW, EXACTLY, ABOVE),  MUCH,  HEARD,     "amounts below, exactly on, above the limit"),
    World("forged-beside",     (FORGED, ORDINARY),       TWO,   DURABLE,   "a stranger's record beside an honest order"),
)
# fmt: on
WORLDS: Final = SMALL + LARGE


class UnknownWorld(ValueError):
    """No world has that name."""


def chosen(names: Iterable[str], *, small: bool) -> tuple[World, ...]:
    """The worlds of these names; without names all, or the small ones."""
    wanted = list(names)
    known = {world.name: world for world in WORLDS}
    if missing := [name for name in wanted if name not in known]:
        raise UnknownWorld(f"expected one of {', '.join(known)}, found {missing[0]!r}")
    if wanted:
        return tuple(known[name] for name in wanted)
    return SMALL if small else WORLDS
