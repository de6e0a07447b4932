"""The notification service's HTTP route: what was written to whom, and whether it left."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.events import END, UUID
from farandole.http import paging, parameters
from farandole.http.desk import Desk
from farandole.http.paging import Fits, Way
from farandole.http.parameters import Parameter
from farandole.http.routes import Route, get, json
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339
from farandole.services.notification.domain import Channel, Delivery, Kind, Message
from farandole.services.notification.storage import DELIVERIES, MESSAGES, deliveries, messages

PLACE: Final = f"{UUID.removesuffix(END)}/({'|'.join(Kind)})/({'|'.join(Channel)})"


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
    """A page may hold few notifications or none and another still follow: it looks at a bounded number of notifications."""

    items: tuple[NotificationAnswer, ...]
    next_cursor: str | None


def routes(desk: Desk) -> tuple[Route, ...]:
    """What one may ask of the notification service."""

    async def listed(request: Request) -> Response:
        limit, way, fits = parameters.limit(request), _way(request), list(_fits(request))
        return json(await desk.read(lambda transaction: _page(transaction, way, fits, limit)))

    filters = (
        Parameter("order_id", schema={"type": "string", "pattern": UUID}, description="of one order"),
        Parameter("status", schema={"type": "string", "enum": list(Sending)}),
        Parameter("channel", schema={"type": "string", "enum": list(Channel)}),
        Parameter(
            "to", schema={"type": "string", "minLength": 1, "maxLength": 254}, description="an address, in any case"
        ),
    )
    return (
        get(
            "/api/notifications",
            listed,
            "List notifications, those of the newest orders first",
            tag="notifications",
            answer=Notifications,
            parameters=(*filters, *parameters.PAGE),
        ),
    )


def _way(request: Request) -> Way:
    order_id = parameters.matching(request, "order_id", UUID)
    among = () if order_id is None else (messages.c.order_id == order_id,)
    columns = (messages.c.order_id, messages.c.kind, messages.c.channel)
    return Way(columns, parameters.read_cursor(request, PLACE), among=among)


def _fits(request: Request) -> Iterator[Fits]:
    """What is wanted of a notification, besides its order."""
    if status := parameters.choice(request, "status", Sending):
        yield lambda few: _stands(few, Sending(status))
    if channel := parameters.choice(request, "channel", Channel):
        yield lambda few: few.c.channel == channel
    if to := parameters.matching(request, "to", r"[^\x00]{1,254}"):
        yield lambda few: sa.func.lower(few.c.recipient) == sa.func.lower(to)


def _stands(few: sa.FromClause, status: Sending) -> sa.ColumnElement[bool]:
    """Whether a notification has this status: what is delivered has no work left."""
    work = sa.exists().where(deliveries.c.message_id == few.c.message_id)
    if status is Sending.SENT:
        return ~work
    return work.where(deliveries.c.gave_up == (status is Sending.FAILED))


def _page(transaction: Transaction, way: Way, fits: list[Fits], limit: int) -> Notifications:
    found, place = paging.page(transaction, MESSAGES, way, fits, limit)
    open_work = {d.message_id: d for d in transaction.select(DELIVERIES, (m.message_id for m in found))}
    answers = (_answer(message, open_work.get(message.message_id)) for message in found)
    return Notifications(tuple(answers), place and parameters.write_cursor(place))


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
