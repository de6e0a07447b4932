"""Six immutable events, one command, and what silent steps leave behind; every field a hearer needs travels along."""

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from farandole.messaging.envelope import Event, Value

END: Final = r"$(?!\n)"
"""The end of a pattern: unlike `$` alone not before a last newline."""
UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}" + END

OrderId = Annotated[str, Meta(pattern=UUID, description="a UUIDv7")]
Sku = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)", description="a SKU: 1 to 64 of A-Z a-z 0-9 . _ -", examples=["tea"]),
]
Quantity = Annotated[int, Meta(ge=1, le=10_000, description="a whole number from 1 to 10,000")]
Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,4})?$(?!\n)", description="a plain decimal as text", examples=["19.99"])
]
CurrencyCode = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description='an active ISO 4217 code such as "USD"', examples=["USD"])
]
PrintableId = Annotated[
    str,
    Meta(
        min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", description="1 to 128 printable characters"
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$(?!\n)",
        description="an e-mail address of at most 254 characters",
        examples=["ada@example.com"],
    ),
]
Phone = Annotated[
    str,
    Meta(
        pattern=r"^\+[1-9][0-9]{1,14}$(?!\n)",
        description='a phone number as in E.164, such as "+14155550123"',
        examples=["+14155550123"],
    ),
]


class Customer(Value, frozen=True):
    id: PrintableId
    email: Email | None = None
    phone: Phone | None = None


class Line(Value, frozen=True):
    sku: Sku
    quantity: Quantity
    unit_price: Amount


class Reason(Value, frozen=True):
    code: Annotated[str, Meta(max_length=64)]
    detail: Annotated[str, Meta(max_length=16_384)]


class OrderEvent(Event, frozen=True):
    """An event about one order; its key is the order id."""

    order_id: OrderId

    @property
    def key(self) -> str:
        return self.order_id


class PlaceOrder(OrderEvent, frozen=True):
    """A customer's wish, already well-formed; the one command of the choreography. `idempotency` is the customer's own key."""

    topic: ClassVar[str] = ""
    customer: Customer
    currency: CurrencyCode
    lines: tuple[Line, ...]
    idempotency: str | None = None


class OrderPlaced(OrderEvent, frozen=True):
    topic: ClassVar[str] = "order.placed"
    customer: Customer
    currency: CurrencyCode
    total: Amount
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=100)]


class OrderValidated(OrderEvent, frozen=True):
    topic: ClassVar[str] = "order.validated"
    customer: Customer
    currency: CurrencyCode
    amount: Amount


class OrderPaid(OrderEvent, frozen=True):
    topic: ClassVar[str] = "order.paid"
    currency: CurrencyCode
    amount: Amount


class OrderCompleted(OrderEvent, frozen=True):
    topic: ClassVar[str] = "order.completed"
    customer: Customer
    currency: CurrencyCode
    total: Amount


class PaymentFailed(OrderEvent, frozen=True):
    topic: ClassVar[str] = "payment.failed"
    customer: Customer
    currency: CurrencyCode
    amount: Amount
    reason: Reason


class OrderFailed(OrderEvent, frozen=True):
    topic: ClassVar[str] = "order.failed"
    customer: Customer
    reason: Reason
    short: Annotated[tuple[Sku, ...], Meta(max_length=100, description="SKUs of which there was not enough")]


class StepTaken(OrderEvent, frozen=True, tag_field="kind", tag="step"):
    """A step that publishes nothing in the specification was taken; the passive monitor hears it."""

    topic: ClassVar[str] = "saga.steps"
    service: Annotated[str, Meta(max_length=64)]
    step: Annotated[str, Meta(max_length=128)]
    heard: Annotated[str, Meta(max_length=64)]


class StockReceived(Event, frozen=True, tag_field="kind", tag="receipt"):
    """Goods came in; its key is the SKU."""

    topic: ClassVar[str] = "saga.steps"
    sku: Sku
    quantity: Annotated[int, Meta(ge=1, le=10**9)]
    receipt_id: OrderId

    @property
    def key(self) -> str:
        return self.sku
