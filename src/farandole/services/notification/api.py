"""The notification service's HTTP route: what was written to whom, and whether it left."""

from enum import StrEnum
from typing import Final

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import UUID
from farandole.http import parameters
from farandole.http.desk import Desk
from farandole.http.parameters import Parameter
from farandole.http.routes import Route, get, json
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.services.notification.domain import Channel, Delivery, Kind, Message
from farandole.services.notification.storage import DELIVERIES, MESSAGES, messages

NEWEST: Final = 200
"""Notifications that are shown when no order is asked for."""


class Sending(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class NotificationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    order_id: str
    kind: Kind
    channel: Channel
    to: str
    subject: str
    body: str
    status: Sending
    at: str


class Notifications(msgspec.Struct, frozen=True):
    items: tuple[NotificationAnswer, ...]


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the notification service."""

    async def listed(request: Request) -> Response:
        order_id = parameters.matching(request, "order_id", UUID)
        return json(Notifications(await desk.read(lambda transaction: _newest(transaction, order_id))))

    return (
        get(
            "/api/notifications",
            listed,
            "List notifications, those of the newest orders first",
            tag="notifications",
            answer=Notifications,
            parameters=(Parameter("order_id", schema={"type": "string", "pattern": UUID}, description="of one order"),),
        ),
    )


def _newest(transaction: Transaction, order_id: str | None) -> tuple[NotificationAnswer, ...]:
    by_order = (messages.c.order_id.desc(), messages.c.kind.desc(), messages.c.channel.desc())  # along an index
    statement = sa.select(messages).order_by(*by_order).limit(NEWEST)
    if order_id is not None:
        statement = statement.where(messages.c.order_id == order_id)
    found = transaction.fetch(MESSAGES, statement)
    open_work = {d.message_id: d for d in transaction.select(DELIVERIES, (m.message_id for m in found))}
    return tuple(_answer(message, open_work.get(message.message_id)) for message in found)


def _answer(message: Message, delivery: Delivery | None) -> NotificationAnswer:
    return NotificationAnswer(
        order_id=message.order_id,
        kind=Kind(message.kind),
        channel=Channel(message.channel),
        to=message.recipient,
        subject=message.subject,
        body=message.body,
        status=_sending(delivery),
        at=rfc3339(message.decided_at),
    )


def _sending(delivery: Delivery | None) -> Sending:
    if delivery is None:
        return Sending.SENT
    return Sending.FAILED if delivery.gave_up else Sending.PENDING
