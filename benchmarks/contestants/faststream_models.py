"""The events and tables of the FastStream services: pydantic models, SQLAlchemy's mapped classes."""

from decimal import Decimal

from pydantic import BaseModel
from sqlalchemy import BigInteger, CheckConstraint, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.contestants.settings import FastStreamSettings


class Line(BaseModel):
    """One line of an order."""

    sku: str
    quantity: int
    price: Decimal


class OrderPlaced(BaseModel):
    """An order is stored; its stock may be reserved."""

    order_id: str
    amount: Decimal
    lines: list[Line]


class Validated(BaseModel):
    """Stock is reserved; the amount may be charged."""

    order_id: str
    amount: Decimal


class Outcome(BaseModel):
    """Paid, completed, failed, payment failed: the topic says which."""

    order_id: str


class OrderBase(DeclarativeBase):
    """The tables of the order service."""


class Order(OrderBase):
    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    amount: Mapped[Decimal]


class OrderLine(OrderBase):
    __tablename__ = "order_lines"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    price: Mapped[Decimal]


class InventoryBase(DeclarativeBase):
    """The tables of the inventory service."""


class Stock(InventoryBase):
    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("available >= 0 AND reserved >= 0"),
        {"postgresql_with": {"fillfactor": 50}},
    )
    sku: Mapped[str] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(BigInteger)
    available: Mapped[int] = mapped_column(BigInteger)
    reserved: Mapped[int] = mapped_column(BigInteger)


class Reservation(InventoryBase):
    __tablename__ = "reservations"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]


class ReservationLine(InventoryBase):
    __tablename__ = "reservation_lines"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int]


class PaymentBase(DeclarativeBase):
    """The tables of the payment service."""


class Payment(PaymentBase):
    __tablename__ = "payments"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    amount: Mapped[Decimal]


class NotificationBase(DeclarativeBase):
    """The tables of the notification service."""


class Notification(NotificationBase):
    __tablename__ = "notifications"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]


BASES: dict[str, type[DeclarativeBase]] = {
    "order": OrderBase,
    "inventory": InventoryBase,
    "payment": PaymentBase,
    "notification": NotificationBase,
}


def create_tables() -> None:
    """Creates every service's tables in its own database."""
    settings = FastStreamSettings.from_environment()
    for service, base in BASES.items():
        engine = create_engine(settings.databases[service].replace("postgresql://", "postgresql+psycopg://", 1))
        base.metadata.create_all(engine)
        engine.dispose()


if __name__ == "__main__":
    create_tables()
