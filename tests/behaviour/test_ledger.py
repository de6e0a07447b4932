"""The ledger in a database: the sums of everything that was heard, folded or not, and of what was heard before it began."""

import sqlalchemy as sa

from farandole.monitor import booking, ledger
from farandole.monitor.storage import entries
from farandole.runtime.wiring import MONITOR
from tests.behaviour.house import House
from tests.performance.orders import fold


def test_the_figures_are_the_sums_of_every_flow_before_and_after_folding(house: House) -> None:
    house.flows()
    expected = {
        "tea": {"received": 10, "reserved": 2, "released": 1},
        "USD": {"placed": 1002001, "completed": 1000, "paid": 1000, "declined": 1000001},
        "PLACED": {"orders": 3},
        "COMPLETED": {"orders": 1},
        "PAYMENT_FAILED": {"orders": 1},
        "FAILED": {"orders": 1},
    }
    assert _figures(house) == expected
    fold(house)
    assert house.read(MONITOR, lambda t: t.connection.scalar(sa.select(sa.func.count()).select_from(entries))) == 0
    assert _figures(house) == expected
    house.say_again(*house.everything())
    house.settle()
    assert _figures(house) == expected


def test_a_ledger_that_begins_later_knows_what_was_recorded_before(house: House) -> None:
    for _ in range(2):
        house.flows()
    house.receive(3, sku="cup")
    house.settle()
    expected = {(account, name): units for name, of in _figures(house).items() for account, units in of.items()}
    before = house.read(MONITOR, lambda t: list(ledger.booked_before(t.connection)))
    assert {(account, name): units for account, name, units in before} == expected


def test_two_monitors_keep_one_ledger_and_one_of_them_may_die(house: House) -> None:
    house.receive(100)
    dying = house.one(MONITOR)
    house.start(MONITOR)
    house.settle()
    dying.carrier.most, dying.carrier.forgetting = 3, True
    orders = [house.place(price) for _ in range(8) for price in ("10.00", "10000.01")]
    tally = dying.consumer.around.tally
    before = tally["records"]
    house.drive(lambda: tally["records"] > before + 3)
    fold(house)
    house.instances[MONITOR].remove(dying)
    dying.carrier.crash()
    house.settle()
    figures = _figures(house)
    assert figures["tea"] == {"received": 100, "reserved": len(orders), "released": len(orders) // 2}
    assert {name: of["orders"] for name, of in figures.items() if "orders" in of} == {
        "PLACED": len(orders),
        "COMPLETED": len(orders) // 2,
        "PAYMENT_FAILED": len(orders) // 2,
    }
    assert figures["USD"]["paid"] == figures["USD"]["completed"] == 1000 * len(orders) // 2


def _figures(house: House) -> dict[str, dict[str, int]]:
    accounts = (*ledger.OF_STOCK, *ledger.OF_MONEY, booking.ORDERS)
    found = house.read(MONITOR, lambda transaction: ledger.figures(transaction, accounts))
    figures = {name: {account: units for account, units in of.items() if units} for name, of in found.items()}
    return {name: of for name, of in figures.items() if of}
