"""The order saga as a DBOS application: one durable workflow an order, five steps, every effect a row in PostgreSQL.

Run as `python -m benchmarks.contestants.dbos_app`; it obeys lines on its standard input and ends when that closes.
Its settings come from the environment: see `dbos_settings.py`.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice
from threading import Thread
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig, SQLAlchemyDatasource
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.orm import Session

from benchmarks.contestant import PAYMENT_LIMIT, lines
from benchmarks.contestants.dbos_settings import Settings

Lines = list[tuple[str, int, str]]
Database = Connection | Session
R = TypeVar("R")

settings = Settings.from_environment()
engine: Engine = create_engine(settings.url, pool_size=settings.pool, max_overflow=0)

PLACE = text("""
    WITH placed AS (
        INSERT INTO orders (id, status, amount) VALUES (:id, 'PENDING', :amount) ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO order_lines (order_id, sku, quantity, price)
    SELECT placed.id, line.* FROM placed, unnest(
        CAST(:skus AS text[]), CAST(:quantities AS int[]), CAST(:prices AS numeric[])) AS line""")
OPEN_RESERVATION = text("""
    INSERT INTO reservations (order_id, status) VALUES (:id, 'RESERVED') ON CONFLICT DO NOTHING RETURNING order_id""")
KNOWN_RESERVATION = text("SELECT status FROM reservations WHERE order_id = :id")
LOCK_STOCK = text("SELECT sku, available FROM stock WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR UPDATE")
TAKE_STOCK = text("""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS int[])) AS line (sku, quantity)),
         kept AS (INSERT INTO reservation_lines (order_id, sku, quantity) SELECT :id, sku, quantity FROM wanted)
    UPDATE stock SET available = available - quantity, reserved = reserved + quantity
    FROM wanted WHERE stock.sku = wanted.sku""")
REFUSE = text("UPDATE reservations SET status = 'REFUSED' WHERE order_id = :id")
RELEASE = text("""
    UPDATE reservations SET status = 'RELEASED' WHERE order_id = :id AND status = 'RESERVED' RETURNING order_id""")
LOCK_RESERVED = text("""
    SELECT sku FROM stock WHERE sku IN (SELECT sku FROM reservation_lines WHERE order_id = :id)
    ORDER BY sku FOR UPDATE""")
GIVE_BACK = text("""
    UPDATE stock SET available = available + quantity, reserved = reserved - quantity
    FROM reservation_lines AS line WHERE line.order_id = :id AND stock.sku = line.sku""")
PAY = text("INSERT INTO payments (order_id, status, amount) VALUES (:id, :status, :amount) ON CONFLICT DO NOTHING")
FINISH = text("UPDATE orders SET status = :status WHERE id = :id")
NOTIFY = text("INSERT INTO notifications (order_id, kind) VALUES (:id, :kind) ON CONFLICT DO NOTHING")


def place(database: Database, order: str, wanted: Lines) -> str:
    """Stores the order with its lines and returns what it costs."""
    skus, quantities, prices = map(list, zip(*wanted, strict=True))
    amount = sum(Decimal(price) * quantity for _, quantity, price in wanted)
    row = {"id": order, "amount": amount, "skus": skus, "quantities": quantities, "prices": prices}
    database.execute(PLACE, row)
    return str(amount)


def reserve(database: Database, order: str, wanted: Lines) -> bool:
    """Takes all lines from stock or none; locks in the order of SKUs, so that two orders never wait for each other."""
    if database.execute(OPEN_RESERVATION, {"id": order}).first() is None:
        return database.execute(KNOWN_RESERVATION, {"id": order}).scalar_one() != "REFUSED"
    quantities = {sku: quantity for sku, quantity, _ in wanted}
    available = {row.sku: row.available for row in database.execute(LOCK_STOCK, {"skus": list(quantities)})}
    if any(available.get(sku, 0) < quantity for sku, quantity in quantities.items()):
        database.execute(REFUSE, {"id": order})
        return False
    database.execute(TAKE_STOCK, {"id": order, "skus": list(quantities), "quantities": list(quantities.values())})
    return True


def release(database: Database, order: str) -> None:
    """Gives the reserved stock back, once."""
    if database.execute(RELEASE, {"id": order}).first() is not None:
        database.execute(LOCK_RESERVED, {"id": order})
        database.execute(GIVE_BACK, {"id": order})


def pay(database: Database, order: str, amount: str) -> bool:
    """Stores whether the payment was taken or refused."""
    paid = Decimal(amount) <= Decimal(PAYMENT_LIMIT)
    database.execute(PAY, {"id": order, "status": "PAID" if paid else "REFUSED", "amount": amount})
    return paid


def finish(database: Database, order: str, status: str) -> None:
    """Gives the order its terminal status."""
    database.execute(FINISH, {"id": order, "status": status})


def notify(database: Database, order: str, kind: str) -> None:
    """Stores the notification."""
    database.execute(NOTIFY, {"id": order, "kind": kind})


datasource = SQLAlchemyDatasource.create(settings.url, engine=engine) if settings.transactions else None


def durable(step: Callable[..., R], *args: Any) -> R:
    """Runs a step once: its rows and its result in one transaction, or as a step that may safely be repeated."""
    if datasource is not None:
        database = datasource

        def in_session() -> R:
            return step(database.sql_session(), *args)

        return datasource.run_tx_step({"name": step.__name__, "isolation_level": "READ COMMITTED"}, in_session)

    def in_connection() -> R:
        with engine.begin() as connection:
            return step(connection, *args)

    return DBOS.run_step({"name": step.__name__}, in_connection)


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
        "system_database_url": settings.url,
        "executor_id": settings.executor,
        "sys_db_pool_size": settings.pool,
        "log_level": "WARNING",
    }


def make_orders(first: int, step: int, end: int, outstanding: int) -> None:
    """Starts this process' share of the orders, so many at once, and waits for all of them."""

    def one(number: int) -> str:
        return DBOS.start_workflow(fulfil, f"order-{number}", lines(number)).get_result()

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
    answer("ready")
    reader = Thread(target=obey)
    reader.start()
    reader.join()
    DBOS.destroy(workflow_completion_timeout_sec=5)


if __name__ == "__main__":
    main()
