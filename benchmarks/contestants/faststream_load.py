"""Makes orders in a closed loop by calling the order service's own `place`, without HTTP.

Run as `python -m benchmarks.contestants.faststream_load`; a line `first end outstanding` on its standard input starts it.
It watches the table of notifications, so that no more than so many orders are under way.
"""

import asyncio
import sys
from decimal import Decimal

import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from benchmarks.contestant import lines
from benchmarks.contestants.faststream_app import OrderService
from benchmarks.contestants.faststream_models import Line
from benchmarks.contestants.settings import FastStreamSettings

LOOK_SECONDS = 0.02


async def notified(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT count(*) FROM notifications"))).scalar_one())


async def make(service: OrderService, connection: AsyncConnection, first: int, last: int, outstanding: int) -> None:
    """Places as many at once as have ended since the last look."""
    made = first
    while made < last:
        end = min(last, await notified(connection) + outstanding)
        placing = (service.place(f"order-{number}", _lines(number)) for number in range(made, end))
        await asyncio.gather(*placing)
        made = max(made, end)
        await asyncio.sleep(LOOK_SECONDS)


def _lines(number: int) -> list[Line]:
    return [Line(sku=sku, quantity=quantity, price=Decimal(price)) for sku, quantity, price in lines(number)]


async def serve() -> None:
    """Connects, says `ready`, obeys one line after the other."""
    settings = FastStreamSettings.from_environment()
    service = OrderService("order", settings)
    watched = create_async_engine(settings.url("notification"), isolation_level="AUTOCOMMIT")
    await service.broker.connect()
    async with watched.connect() as connection:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await make(service, connection, *map(int, line.split()))
    await service.broker.stop()
    await service.engine.dispose()
    await watched.dispose()


if __name__ == "__main__":
    uvloop.run(serve())
