"""A real mail server of a test, and the messages that couriers take to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from farandole.messaging.database import Database
from farandole.services.notification.delivery import SECOND
from farandole.services.notification.domain import Delivery, Message
from farandole.services.notification.storage import DELIVERIES, MESSAGES

NOW = 1_800_000_000 * SECOND
OK = "250 taken"


@dataclass
class MailServer:
    """Answers each recipient as told and keeps what it took."""

    answers: dict[str, str] = field(default_factory=dict)
    answer: str = OK
    letters: list[EmailMessage] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, self.answer)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        self.sessions.add(id(session))
        return OK


@contextmanager
def listening(server: MailServer, port: int) -> Iterator[None]:
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


class Recorded:
    """A database with messages, and the deliveries that are left."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, *messages: Message) -> None:
        work = [Delivery(message.message_id, message.decided_at, 0, False) for message in messages]
        with self.database.writing() as transaction:
            transaction.insert(MESSAGES, messages)
            transaction.insert(DELIVERIES, work)

    def left(self) -> list[Delivery]:
        with self.database.reading() as transaction:
            return transaction.all(DELIVERIES)


def message(number: int = 1, recipient: str = "ada@example.com", channel: str = "email") -> Message:
    return Message(
        message_id=f"5c0f9f3a-1111-5000-8000-{number:012}",
        order_id=f"0199aaaa-0000-7000-8000-{number:012}",
        kind="completed",
        channel=channel,
        recipient=recipient,
        subject="Your order is complete",
        body=f"Your order {number} over 19.99 € is complete. Thank you.",
        decided_at=NOW,
    )
