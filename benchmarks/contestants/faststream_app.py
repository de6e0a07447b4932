"""The four FastStream services: a handler a message, one transaction, one publish, then the offset.

Run as `python -m benchmarks.contestants.faststream_app SERVICE`; it ends when its standard input closes.
A handler commits, publishes and only then acknowledges, so a crash in between repeats the message. Every handler is
keyed by the order, finds what it did before and publishes the same answer again: nothing is lost, nothing is doubled.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import uvloop
from faststream import FastStream
from faststream.confluent import KafkaBroker
from faststream.middlewares import AckPolicy
from pydantic import BaseModel
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.contestant import PAYMENT_LIMIT
from benchmarks.contestants.faststream_models import (
    Line,
    Notification,
    Order,
    OrderLine,
    OrderPlaced,
    Outcome,
    Payment,
    Reservation,
    ReservationLine,
    Stock,
    Validated,
)
from benchmarks.contestants.settings import FastStreamSettings

Event = TypeVar("Event", bound=BaseModel)


class Service:
    """What all four share: a broker, a pool of connections, how a handler is subscribed."""

    def __init__(self, name: str, settings: FastStreamSettings) -> None:
        self.name, self.settings = name, settings
        self.broker = KafkaBroker(
            settings.bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=settings.linger_ms,
            allow_auto_create_topics=False,
            logger=_quiet(),
        )
        self.engine = create_async_engine(settings.url(name), pool_size=settings.pool, max_overflow=0)
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)

    def subscribe(self) -> None:
        """Subscribes every handler of the service."""
        raise NotImplementedError

    def on(
        self, topic: str, model: type[Event], handler: Callable[[Event], Awaitable[None]], busy: bool = True
    ) -> None:
        """Subscribes a handler so that offsets are committed after it; a failed message is read again."""
        options: dict[str, Any] = {
            "group_id": f"{self.settings.prefix}{self.name}.{topic}",
            "auto_offset_reset": "earliest",
            "ack_policy": AckPolicy.NACK_ON_ERROR,
            "polling_interval": self.settings.polling,
        }
        if self.settings.batch:
            subscriber = self.broker.subscriber(
                self.settings.prefix + topic, batch=True, max_records=self.settings.batch, **options
            )
            subscriber(_together(model, handler))
            return
        one = _single(model, handler)
        for _ in range(self.settings.consumers if busy else 1):
            self.broker.subscriber(self.settings.prefix + topic, **options)(one)

    async def tell(self, topic: str, event: BaseModel, order_id: str) -> None:
        """Publishes and waits until the broker has stored it."""
        await self.broker.publish(event, self.settings.prefix + topic, key=order_id.encode())

    async def run(self) -> None:
        """Serves until the standard input closes."""
        app = FastStream(self.broker, logger=None)

        @app.after_startup
        async def ready() -> None:
            print("ready", flush=True)
            asyncio.get_running_loop().add_reader(sys.stdin, app.exit)

        await app.run(log_level=logging.WARNING)
        await self.engine.dispose()


def _quiet() -> logging.Logger:
    """FastStream's own logger writes to standard output, where `ready` is said."""
    logger = logging.getLogger("peer")
    logger.setLevel(logging.ERROR)
    return logger


def _single(model: type[Event], handler: Callable[[Event], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def handle(event: Event) -> None:
        await handler(event)

    handle.__annotations__ = {"event": model, "return": None}
    return handle


def _together(model: type[Event], handler: Callable[[Event], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Still one transaction and one publish a message, but those of one poll at the same time and one commit of offsets."""

    async def handle(events: list[Event]) -> None:
        await asyncio.gather(*map(handler, events))

    handle.__annotations__ = {"events": list[model], "return": None}  # type: ignore[valid-type]
    return handle


class OrderService(Service):
    """Stores orders and gives them their terminal status."""

    def subscribe(self) -> None:
        self.on("order.paid", Outcome, self.complete)
        self.on("payment.failed", Outcome, self.refuse, busy=False)
        self.on("order.failed", Outcome, self.fail, busy=False)

    async def place(self, order_id: str, lines: Sequence[Line]) -> None:
        """Stores the order, then publishes it; who asked asks again with the same id if this fails in between."""
        amount = sum((line.price * line.quantity for line in lines), Decimal())
        async with self.session.begin() as session:
            row = {"id": order_id, "status": "PENDING", "amount": amount}
            await session.execute(insert(Order).values(row).on_conflict_do_nothing())
            rows = [{"order_id": order_id, **line.model_dump()} for line in lines]
            await session.execute(insert(OrderLine).values(rows).on_conflict_do_nothing())
        await self.tell("order.placed", OrderPlaced(order_id=order_id, amount=amount, lines=list(lines)), order_id)

    async def complete(self, paid: Outcome) -> None:
        await self._finish(paid, "COMPLETED")
        await self.tell("order.completed", paid, paid.order_id)

    async def refuse(self, failed: Outcome) -> None:
        await self._finish(failed, "PAYMENT_FAILED")

    async def fail(self, failed: Outcome) -> None:
        await self._finish(failed, "FAILED")

    async def _finish(self, event: Outcome, status: str) -> None:
        async with self.session.begin() as session:
            await session.execute(update(Order).where(Order.id == event.order_id).values(status=status))


class InventoryService(Service):
    """Reserves stock and gives it back."""

    def subscribe(self) -> None:
        self.on("order.placed", OrderPlaced, self.reserve)
        self.on("payment.failed", Outcome, self.release, busy=False)

    async def reserve(self, order: OrderPlaced) -> None:
        async with self.session.begin() as session:
            reserved = await self._reserved(session, order)
        if reserved:
            await self.tell("order.validated", Validated(order_id=order.order_id, amount=order.amount), order.order_id)
        else:
            await self.tell("order.failed", Outcome(order_id=order.order_id), order.order_id)

    async def _reserved(self, session: AsyncSession, order: OrderPlaced) -> bool:
        row = {"order_id": order.order_id, "status": "RESERVED"}
        new = insert(Reservation).values(row).on_conflict_do_nothing().returning(Reservation.order_id)
        if (await session.execute(new)).first() is None:
            known = select(Reservation.status).where(Reservation.order_id == order.order_id)
            return (await session.execute(known)).scalar_one() != "REFUSED"
        wanted = {line.sku: line.quantity for line in order.lines}
        available = await _locked(session, list(wanted))
        if any(available.get(sku, 0) < quantity for sku, quantity in wanted.items()):
            refused = update(Reservation).where(Reservation.order_id == order.order_id).values(status="REFUSED")
            await session.execute(refused)
            return False
        rows = [{"order_id": order.order_id, "sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
        await session.execute(insert(ReservationLine).values(rows))
        await _move(session, wanted)
        return True

    async def release(self, failed: Outcome) -> None:
        mine = (Reservation.order_id == failed.order_id, Reservation.status == "RESERVED")
        async with self.session.begin() as session:
            released = update(Reservation).where(*mine).values(status="RELEASED").returning(Reservation.order_id)
            if (await session.execute(released)).first() is None:
                return
            lines = select(ReservationLine).where(ReservationLine.order_id == failed.order_id)
            held = {line.sku: -line.quantity for line in await session.scalars(lines)}
            await _locked(session, list(held))
            await _move(session, held)


class PaymentService(Service):
    """Takes payments up to a limit."""

    def subscribe(self) -> None:
        self.on("order.validated", Validated, self.pay)

    async def pay(self, order: Validated) -> None:
        paid = order.amount <= Decimal(PAYMENT_LIMIT)
        row = {"order_id": order.order_id, "status": "PAID" if paid else "REFUSED", "amount": order.amount}
        async with self.session.begin() as session:
            await session.execute(insert(Payment).values(row).on_conflict_do_nothing())
        await self.tell("order.paid" if paid else "payment.failed", Outcome(order_id=order.order_id), order.order_id)


class NotificationService(Service):
    """Stores one notification an order."""

    def subscribe(self) -> None:
        self.on("order.completed", Outcome, self.completed)
        self.on("payment.failed", Outcome, self.payment_failed, busy=False)
        self.on("order.failed", Outcome, self.failed, busy=False)

    async def completed(self, event: Outcome) -> None:
        await self._notify(event, "COMPLETED")

    async def payment_failed(self, event: Outcome) -> None:
        await self._notify(event, "PAYMENT_FAILED")

    async def failed(self, event: Outcome) -> None:
        await self._notify(event, "FAILED")

    async def _notify(self, event: Outcome, kind: str) -> None:
        async with self.session.begin() as session:
            row = {"order_id": event.order_id, "kind": kind}
            await session.execute(insert(Notification).values(row).on_conflict_do_nothing())


async def _locked(session: AsyncSession, skus: list[str]) -> dict[str, int]:
    """Locks stock in the order of SKUs, so that two orders never wait for each other."""
    rows = select(Stock.sku, Stock.available).where(Stock.sku.in_(skus)).order_by(Stock.sku).with_for_update()
    return {row.sku: row.available for row in await session.execute(rows)}


async def _move(session: AsyncSession, quantities: dict[str, int]) -> None:
    """Moves quantities from available to reserved, one statement for SKUs of the same quantity."""
    for quantity in set(quantities.values()):
        skus = [sku for sku, wanted in quantities.items() if wanted == quantity]
        move = update(Stock).where(Stock.sku.in_(skus)).execution_options(synchronize_session=False)
        amount: Any = bindparam("amount", quantity)
        await session.execute(move.values(available=Stock.available - amount, reserved=Stock.reserved + amount))


SERVICES = {
    "order": OrderService,
    "inventory": InventoryService,
    "payment": PaymentService,
    "notification": NotificationService,
}


def main() -> None:
    """Runs the service its argument names."""
    name = sys.argv[1]

    async def serve() -> None:
        service = SERVICES[name](name, FastStreamSettings.from_environment())
        service.subscribe()
        await service.run()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
