"""The order saga as a DBOS application: one durable workflow an order, five steps, every effect a row in PostgreSQL.

Run as `python -m benchmarks.contestants.dbos_app`; it obeys lines on its standard input and ends when that closes.
Its settings come from the environment: see `settings.py`.
"""

import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice
from threading import Thread, local
from typing import Any, TypeVar

import psycopg
from dbos import DBOS, DBOSConfig, SetWorkflowID

from benchmarks.contestant import PAYMENT_LIMIT, lines
from benchmarks.contestants import asyncpg_steps as sql
from benchmarks.contestants.asyncpg_steps import Lines
from benchmarks.contestants.settings import DbosSettings

R = TypeVar("R")
Database = psycopg.Connection[Any]
GARBAGE = 50_000
"""New objects after which the collector looks at the youngest."""

settings = DbosSettings.from_environment()
own = local()


def database() -> Database:
    """This thread's connection; a statement outside a transaction is one of its own, in one trip."""
    if not hasattr(own, "database"):
        own.database = psycopg.connect(
            settings.url, autocommit=True, prepare_threshold=0, cursor_factory=psycopg.RawCursor[Any]
        )
    found: Database = own.database
    return found


def place(order: str, wanted: Lines) -> str:
    """Stores the order with its lines and returns what it costs."""
    skus, quantities, prices = map(list, zip(*wanted, strict=True))
    amount = sum(Decimal(price) * quantity for _, quantity, price in wanted)
    database().execute(sql.PLACE, [order, amount, skus, quantities, [Decimal(price) for price in prices]])
    return str(amount)


def reserve(order: str, wanted: Lines) -> bool:
    """Takes all lines from stock or none; locks in the order of SKUs, so that two orders never wait for each other."""
    quantities = {sku: quantity for sku, quantity, _ in wanted}
    with database().transaction():
        if database().execute(sql.OPEN_RESERVATION, [order]).fetchone() is None:
            known = database().execute(sql.KNOWN_RESERVATION, [order]).fetchone()
            return known is not None and known[0] != "REFUSED"
        available = dict(database().execute(sql.LOCK_STOCK, [list(quantities)]).fetchall())
        if any(available.get(sku, 0) < quantity for sku, quantity in quantities.items()):
            database().execute(sql.REFUSE, [order])
            return False
        database().execute(sql.TAKE_STOCK, [order, list(quantities), list(quantities.values())])
        return True


def release(order: str) -> None:
    """Gives the reserved stock back, once."""
    with database().transaction():
        if database().execute(sql.RELEASE, [order]).fetchone() is not None:
            database().execute(sql.LOCK_RESERVED, [order])
            database().execute(sql.GIVE_BACK, [order])


def pay(order: str, amount: str) -> bool:
    """Stores whether the payment was taken or refused."""
    paid = Decimal(amount) <= Decimal(PAYMENT_LIMIT)
    database().execute(sql.PAY, [order, "PAID" if paid else "REFUSED", Decimal(amount)])
    return paid


def finish(order: str, status: str) -> None:
    """Gives the order its terminal status."""
    database().execute(sql.FINISH, [order, status])


def notify(order: str, kind: str) -> None:
    """Stores the notification."""
    database().execute(sql.NOTIFY, [order, kind])


def durable(step: Callable[..., R], *args: Any) -> R:
    """Runs a step whose result is then kept; after a crash it may be repeated."""
    return DBOS.run_step({"name": step.__name__}, step, *args)


@DBOS.workflow()
def fulfil(order: str, wanted: Lines) -> str:
    """The saga: place, reserve, pay, complete, notify; or release, fail, notify."""
    amount = durable(place, order, wanted)
    if not durable(reserve, order, wanted):
        status = "FAILED"
    elif durable(pay, order, amount):
        status = "COMPLETED"
    else:
        durable(release, order)
        status = "PAYMENT_FAILED"
    durable(finish, order, status)
    durable(notify, order, status)
    return status


def configuration() -> DBOSConfig:
    """One system database in the same PostgreSQL, a pool of its own."""
    return {
        "name": "orders",
        "system_database_url": settings.url.replace("postgresql://", "postgresql+psycopg://", 1),
        "executor_id": settings.executor,
        "sys_db_pool_size": settings.pool,
        "db_engine_kwargs": {"pool_pre_ping": False},
        "log_level": "WARNING",
    }


def make_orders(first: int, step: int, end: int, outstanding: int) -> None:
    """Starts this process' share of the orders, so many at once, and waits for all of them."""

    def one(number: int) -> str:
        with SetWorkflowID(f"order-{number}"):
            return fulfil(f"order-{number}", lines(number))

    with ThreadPoolExecutor(outstanding) as pool:
        for _ in pool.map(one, islice(range(end), first, None, step)):
            pass


def answer(word: str) -> None:
    print(word, flush=True)


def obey() -> None:
    """Each line is `first step end outstanding`; the answer is `done`."""
    for line in sys.stdin:
        make_orders(*map(int, line.split()))
        answer("done")


def main() -> None:
    """Launches DBOS, says `ready`, obeys until the standard input closes."""
    DBOS(config=configuration())
    DBOS.listen_queues([])
    DBOS.launch()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    answer("ready")
    reader = Thread(target=obey)
    reader.start()
    reader.join()
    DBOS.destroy(workflow_completion_timeout_sec=5)


if __name__ == "__main__":
    main()
