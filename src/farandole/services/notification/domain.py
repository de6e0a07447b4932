"""A notice is written once per order and kind, a message once per channel; what is still to be delivered is a row of its own."""

from collections.abc import Collection
from enum import StrEnum

from farandole.contract import events
from farandole.contract.rows import StepRow
from farandole.messaging.decision import Row
from farandole.messaging.envelope import event_id


class Kind(StrEnum):
    COMPLETED = "completed"
    PAYMENT_FAILED = "payment_failed"
    FAILED = "failed"


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class Notice(StepRow, frozen=True):
    """The step was taken: its key admits one notice of a kind an order, with or without an address."""

    kind: str

    @property
    def key(self) -> tuple[str, str]:
        return self.order_id, self.kind


class Message(Row, frozen=True):
    """One notification through one channel; `recipient` is an e-mail address or a phone number."""

    message_id: str
    order_id: str
    kind: str
    channel: str
    recipient: str
    subject: str
    body: str
    decided_at: int


class Delivery(Row, frozen=True):
    """Work still to do for a message; the row goes when the message is delivered. `gave_up` marks a definite refusal."""

    message_id: str
    due_at: int
    attempts: int
    gave_up: bool
    error: str | None = None


def messages(notice: Notice, customer: events.Customer, text: tuple[str, str]) -> tuple[Message, ...]:
    """One message for each address the customer gave."""
    addresses = ((Channel.EMAIL, customer.email), (Channel.SMS, customer.phone))
    return tuple(
        Message(
            message_id=event_id(notice.cause_id, f"{notice.kind}/{channel}"),
            order_id=notice.order_id,
            kind=notice.kind,
            channel=channel,
            recipient=address,
            subject=text[0],
            body=text[1],
            decided_at=notice.decided_at,
        )
        for channel, address in addresses
        if address
    )


def deliveries(sent: tuple[Message, ...], leaving: Collection[str]) -> tuple[Delivery, ...]:
    """The work that messages make: those whose channel leaves the machine must still be delivered."""
    return tuple(Delivery(m.message_id, m.decided_at, 0, False) for m in sent if m.channel in leaving)
