"""What a history begins with: how many processes and partitions, which goods, who orders what."""

from typing import TYPE_CHECKING, Final, NamedTuple

from farandole.proof.simulate.customers import BASKETS, KINDS, Asker, Customer, Supplier
from farandole.proof.simulate.fate import Odds
from farandole.runtime.wiring import MONITOR, NAMES

if TYPE_CHECKING:
    from farandole.proof.simulate.world import World

CROWD: Final = 130
"""Customers who come at once in some histories."""


class Plan(NamedTuple):
    services: tuple[str, ...]
    processes: int
    partitions: int
    ticks: int
    impatient: bool
    crowded: bool
    askers: list[Asker]


def plan(world: "World") -> Plan:
    """By default one process a service, one partition a topic, enough goods, and one order of each flow."""
    fate = world.fate
    watched = fate.pick("with the monitor", Odds(0.3))
    crowd = fate.pick("a crowd", Odds(0.015))
    customers = CROWD if crowd else 3 + fate.below("more customers", 6)
    scarce = fate.pick("scarce goods", Odds(0.5))
    goods = {"tea": 2 if scarce else 400, "cake": 3 if scarce else 400}
    suppliers: list[Asker] = [Supplier(world, n, sku, many) for n, (sku, many) in enumerate(goods.items())]
    return Plan(
        NAMES if watched else tuple(name for name in NAMES if name != MONITOR),
        1 + fate.below("more processes", 2),
        1 + fate.below("more partitions", 3),
        40 if fate.pick("over soon", Odds(0.1)) else 120 + 20 * min(customers, 20),
        bool(fate.pick("customers before goods", Odds(0.2))),
        bool(crowd),
        [*suppliers, *(_customer(world, number) for number in range(customers))],
    )


def _customer(world: "World", number: int) -> Asker:
    kind = KINDS[(number + world.fate.below(f"kind of order {number}", len(KINDS))) % 3]
    return Customer(world, number, kind, world.fate.below(f"basket {number}", len(BASKETS)))
