"""A large store out of a small one, while its processes rest: orders, stock, ledger and statistics go on agreeing."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import sqlalchemy as sa

from benchmarks.books import Sums, balances, owed, statistics, stock
from benchmarks.copying import PLACES, Copies, copies, copy
from farandole.contract.choreography import PAYMENT
from farandole.contract.events import OrderValidated
from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.messaging.database import Database, open_database
from farandole.messaging.dead_letters import letter, park
from farandole.messaging.envelope import Record
from farandole.messaging.failure import Poison
from farandole.monitor import ledger, waiting_sums
from farandole.monitor.storage import WAITING, recorded
from farandole.monitor.waiting_rows import Waiting
from farandole.proof.ground.cluster import SAGA
from farandole.runtime.routes import SERVICE_FACTS
from farandole.services.inventory.storage import reservations
from farandole.services.order.domain import Status
from farandole.services.order.storage import orders, outcomes

BEGUN: Final = {"order": (orders,), "inventory": (reservations,), "monitor": (recorded,)}
"""Where an order left a row whose payment is not made."""
ERRORS: Final = ("expected JSON, found b'{' at {}", "expected an amount, found '{}'", "expected the key, found '{}'")


class Store:
    """The databases of a system at rest, by service, in which every order has ended."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls, self._times = urls, 1
        both = sa.select(orders.c.order_id, orders.c.currency, orders.c.total, outcomes.c.status)
        placed = both.join_from(orders, outcomes, orders.c.order_id == outcomes.c.order_id).order_by(orders.c.order_id)
        self._placed = self._ask("order", placed)

    def multiply(self, times: int) -> None:
        """Have every order so many times, as if they had come evenly over a day."""
        ids = [order.order_id for order in self._placed]
        self._copy(PLACES, list(copies(ids, range(1, times))))
        self._write("inventory", stock(1, times))
        with closing(self._open("monitor")) as database:
            _fold(database)
        self._write("monitor", [*balances(times), *statistics(times, int(time.time()))])
        self._times = times
        self._clean()

    def delay(self, times: int) -> int:
        """Have every completed order so many times more, its payment not made; how many orders those are."""
        done = [order for order in self._placed if order.status == Status.COMPLETED]
        made = list(copies([order.order_id for order in done], range(self._times, self._times + times)))
        self._copy(BEGUN, made, begun=True)
        self._write("inventory", stock(self._times, self._times + times))
        self._write("monitor", owed(self._times, times))
        self._wait(made, {order.order_id: (order.currency, order.total) for order in done})
        self._clean()
        return len(made)

    def park(self, letters: int) -> None:
        """Dead letters of the payment service, about the newest orders, for a few reasons."""
        now = time.time_ns() // 1000
        newest = sa.select(orders.c.order_id).order_by(orders.c.order_id.desc()).limit(letters)
        parked = []
        for place, order_id in enumerate(row.order_id for row in self._ask("order", newest)):
            value = b'{"order_id":"%b","amount":"much"}' % order_id.encode()
            record = Record(OrderValidated.topic, 0, place, order_id.encode(), value, (), now)
            error = Poison(ERRORS[place % len(ERRORS)].replace("{}", str(place)))
            parked.append(letter(PAYMENT, ("a topic", record), error, now - 1000 * place))
        with closing(self._open(PAYMENT)) as database, database.writing() as transaction:
            park(transaction, parked)

    def violations(self) -> list[str]:
        """What does not hold of the services' rows together, or of the monitor's."""
        together = Facts()
        for service in SAGA:
            together |= self._facts(service)
        held = (*findings(together), *findings(self._facts("monitor")))
        return [f"{one.id}: {one.violations}" for one in held if one.violations]

    def _copy(self, places: Mapping[str, Sequence[sa.Table]], made: Copies, *, begun: bool = False) -> None:
        for service, tables in places.items():
            with closing(self._open(service)) as database:
                copy(database, tables, made, begun=begun)

    def _wait(self, made: Copies, totals: Mapping[str, tuple[str, int]]) -> None:
        """The monitor has noticed what waits for its payment."""
        validated = sa.select(recorded.c.order_id, recorded.c.recorded_at).where(
            recorded.c.said == OrderValidated.topic
        )
        heard = {row.order_id: row.recorded_at for row in self._ask("monitor", validated) if row.order_id in totals}
        waits = [
            Waiting(
                order.order_id,
                heard[order.original] - order.earlier,
                PAYMENT,
                OrderValidated.topic,
                *totals[order.original],
            )
            for order in made
        ]
        with closing(self._open("monitor")) as database, database.writing() as transaction:
            transaction.insert(WAITING, waits)
            waiting_sums.change(transaction, (), waits)

    def _clean(self) -> None:
        """What PostgreSQL does by itself in a day."""
        for service in PLACES:
            with closing(self._open(service)) as database:
                if database.engine.dialect.name == "postgresql":
                    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                        connection.exec_driver_sql("SET statement_timeout = 0")
                        connection.exec_driver_sql("VACUUM (ANALYZE)")

    def _open(self, service: str) -> Database:
        return open_database(self._urls[service])

    def _ask(self, service: str, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with closing(self._open(service)) as database, database.reading() as transaction:
            return transaction.connection.execute(statement).all()

    def _write(self, service: str, changes: Sums) -> None:
        with closing(self._open(service)) as database, database.writing() as transaction:
            for statement, numbers in changes:
                transaction.connection.execute(sa.text(statement), numbers)

    def _facts(self, service: str) -> Facts:
        with closing(self._open(service)) as database, database.reading() as transaction:
            return SERVICE_FACTS[service](transaction)


def _fold(database: Database) -> None:
    more = True
    while more:
        with database.writing() as transaction:
            more = ledger.fold(transaction)
