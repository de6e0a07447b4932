"""The steps of the saga as a durable-execution engine calls them: each one small transaction that may be repeated."""

from decimal import Decimal
from typing import Any

import asyncpg

from benchmarks.contestant import PAYMENT_LIMIT

Lines = list[tuple[str, int, str]]

PLACE = """
    WITH placed AS (
        INSERT INTO orders (id, status, amount) VALUES ($1, 'PENDING', $2) ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO order_lines (order_id, sku, quantity, price)
    SELECT placed.id, line.* FROM placed, unnest($3::text[], $4::int[], $5::numeric[]) AS line"""
OPEN_RESERVATION = """
    INSERT INTO reservations (order_id, status) VALUES ($1, 'RESERVED') ON CONFLICT DO NOTHING RETURNING order_id"""
KNOWN_RESERVATION = "SELECT status FROM reservations WHERE order_id = $1"
LOCK_STOCK = "SELECT sku, available FROM stock WHERE sku = ANY($1::text[]) ORDER BY sku FOR UPDATE"
TAKE_STOCK = """
    WITH wanted AS (SELECT * FROM unnest($2::text[], $3::int[]) AS line (sku, quantity)),
         kept AS (INSERT INTO reservation_lines (order_id, sku, quantity) SELECT $1, sku, quantity FROM wanted)
    UPDATE stock SET available = available - quantity, reserved = reserved + quantity
    FROM wanted WHERE stock.sku = wanted.sku"""
REFUSE = "UPDATE reservations SET status = 'REFUSED' WHERE order_id = $1"
RELEASE = """
    UPDATE reservations SET status = 'RELEASED' WHERE order_id = $1 AND status = 'RESERVED' RETURNING order_id"""
LOCK_RESERVED = """
    SELECT sku FROM stock WHERE sku IN (SELECT sku FROM reservation_lines WHERE order_id = $1)
    ORDER BY sku FOR UPDATE"""
GIVE_BACK = """
    UPDATE stock SET available = available + quantity, reserved = reserved - quantity
    FROM reservation_lines AS line WHERE line.order_id = $1 AND stock.sku = line.sku"""
PAY = "INSERT INTO payments (order_id, status, amount) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
FINISH = "UPDATE orders SET status = $2 WHERE id = $1"
NOTIFY = "INSERT INTO notifications (order_id, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING"


class Steps:
    """Steps over a pool of connections with prepared statements."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def place(self, order: str, wanted: Lines) -> str:
        """Stores the order with its lines and returns what it costs."""
        skus, quantities, prices = map(list, zip(*wanted, strict=True))
        amount = sum(Decimal(price) * quantity for _, quantity, price in wanted)
        await self._pool.execute(PLACE, order, amount, skus, quantities, [Decimal(price) for price in prices])
        return str(amount)

    async def reserve(self, order: str, wanted: Lines) -> bool:
        """Takes all lines from stock or none; locks in the order of SKUs, so two orders never wait for each other."""
        quantities = {sku: quantity for sku, quantity, _ in wanted}
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(OPEN_RESERVATION, order) is None:
                known = await connection.fetchval(KNOWN_RESERVATION, order)
                return bool(known != "REFUSED")
            available = dict(await connection.fetch(LOCK_STOCK, list(quantities)))
            if any(available.get(sku, 0) < quantity for sku, quantity in quantities.items()):
                await connection.execute(REFUSE, order)
                return False
            await connection.execute(TAKE_STOCK, order, list(quantities), list(quantities.values()))
            return True

    async def release(self, order: str) -> None:
        """Gives the reserved stock back, once."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(RELEASE, order) is not None:
                await connection.fetch(LOCK_RESERVED, order)
                await connection.execute(GIVE_BACK, order)

    async def pay(self, order: str, amount: str) -> bool:
        """Stores whether the payment was taken or refused."""
        paid = Decimal(amount) <= Decimal(PAYMENT_LIMIT)
        await self._pool.execute(PAY, order, "PAID" if paid else "REFUSED", Decimal(amount))
        return paid

    async def finish(self, order: str, status: str) -> None:
        """Gives the order its terminal status."""
        await self._pool.execute(FINISH, order, status)

    async def notify(self, order: str, kind: str) -> None:
        """Stores the notification."""
        await self._pool.execute(NOTIFY, order, kind)


async def connected(url: str, size: int) -> Any:
    """A pool for `Steps`; a connection is not reset when it is given back, since no step leaves anything behind."""
    return await asyncpg.create_pool(url, min_size=size, max_size=size, reset=_left_as_it_is)


async def _left_as_it_is(_: Any) -> None:
    pass
