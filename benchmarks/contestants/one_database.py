"""The tables of a contestant that keeps the whole saga in one PostgreSQL database, and what must hold of them."""

from collections.abc import Callable

import psycopg

from benchmarks.contestant import STOCK, await_count

NOTIFIED = "SELECT count(*) FROM notifications"
SCHEMA = """
CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL, amount numeric NOT NULL);
CREATE TABLE order_lines (order_id text, sku text, quantity int, price numeric, PRIMARY KEY (order_id, sku));
CREATE TABLE stock (
    sku text PRIMARY KEY, received bigint NOT NULL, available bigint NOT NULL CHECK (available >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0)
) WITH (fillfactor = 50);
CREATE TABLE reservations (order_id text PRIMARY KEY, status text NOT NULL);
CREATE TABLE reservation_lines (order_id text, sku text, quantity int, PRIMARY KEY (order_id, sku));
CREATE TABLE payments (order_id text PRIMARY KEY, status text NOT NULL, amount numeric NOT NULL);
CREATE TABLE notifications (order_id text PRIMARY KEY, kind text NOT NULL);
"""
CHECKS = {
    "orders whose status is not the expected one": """
        SELECT count(*) FROM generate_series(0, %(last)s) AS n LEFT JOIN orders ON orders.id = 'order-' || n
        WHERE orders.status IS DISTINCT FROM
            CASE n %% 10 WHEN 8 THEN 'PAYMENT_FAILED' WHEN 9 THEN 'FAILED' ELSE 'COMPLETED' END""",
    "orders without the notification of their status": """
        SELECT count(*) FROM orders LEFT JOIN notifications ON order_id = id WHERE kind IS DISTINCT FROM status""",
    "notifications of no order": "SELECT count(*) FROM notifications WHERE order_id NOT IN (SELECT id FROM orders)",
    "orders too many": "SELECT greatest(count(*) - %(last)s - 1, 0) FROM orders",
    "SKUs whose stock does not add up": "SELECT count(*) FROM stock WHERE available + reserved <> received",
    "SKUs that reserve other than their orders": """
        SELECT count(*) FROM stock LEFT JOIN (
            SELECT line.sku, sum(quantity) AS held FROM reservation_lines AS line
            JOIN orders ON orders.id = line.order_id WHERE orders.status IN ('PENDING', 'COMPLETED') GROUP BY line.sku
        ) AS taken USING (sku) WHERE reserved <> coalesce(held, 0)""",
}


def create(url: str) -> None:
    """Makes the tables and receives the stock."""
    with psycopg.connect(url) as database:
        database.execute(SCHEMA)
        rows = [(sku, received, received) for sku, received in STOCK.items()]
        database.cursor().executemany("INSERT INTO stock VALUES (%s, %s, %s, 0)", rows)


def violations(url: str, orders: int) -> list[str]:
    """Every one of so many orders ended once, as its number tells; the stock adds up."""
    found = []
    with psycopg.connect(url) as database:
        for what, statement in CHECKS.items():
            row = database.execute(statement, {"last": orders - 1}).fetchone()
            if row is not None and row[0]:
                found.append(f"{row[0]} {what}")
    return found


def await_notifications(url: str, orders: int, alive: Callable[[], bool]) -> None:
    """Returns when so many notifications are stored."""
    with psycopg.connect(url, autocommit=True) as database:
        await_count(lambda: int(database.execute(NOTIFIED).fetchall()[0][0]), orders, alive=alive)
