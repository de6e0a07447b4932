"""Says again, from the stored rows, what was said: the same bytes under the same ids, harmless to every hearer."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from farandole.messaging.database import Database, Relation, open_database
from farandole.messaging.envelope import Message
from farandole.messaging.failure import Refused, Transient
from farandole.messaging.transport import Transport
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.runtime.distributed import transport
from farandole.runtime.folder import only_user_of
from farandole.runtime.settings import Settings
from farandole.runtime.wiring import services
from farandole.services.inventory import again as inventory_again
from farandole.services.inventory.storage import RESERVATIONS
from farandole.services.notification import again as notification_again
from farandole.services.notification.storage import NOTICES
from farandole.services.order import again as order_again
from farandole.services.order.storage import ORDERS
from farandole.services.payment import again as payment_again
from farandole.services.payment.storage import PAYMENTS

PAGE: Final = 500
SECONDS: Final = 30.0
SAYING: Final[dict[str, tuple[Relation[Any], Any]]] = {
    "order": (ORDERS, order_again.again),
    "inventory": (RESERVATIONS, inventory_again.again),
    "payment": (PAYMENTS, payment_again.again),
    "notification": (NOTICES, notification_again.again),
}


def republish(name: str, settings: Settings, order: str | None, since: int | None) -> int:
    """Publish again what a service said of one order, or of all since a time in microseconds; how many events.

    Without Kafka it works on the embedded system's folder, which must not be in use: stop `farandole up` first."""
    if settings.kafka:
        return _say(name, settings, (open_database(settings.database or ""), transport(settings)), (order, since))
    if not (settings.data / f"{name}.db").exists():
        raise Refused(f"expected the embedded system's data in {settings.data}, found no {name}.db")
    with only_user_of(settings.data):
        database = open_database(f"sqlite:///{settings.data / name}.db")
        return _say(name, settings, (database, EmbeddedTransport(settings.data / "log.db")), (order, since))


def _say(
    name: str, settings: Settings, places: tuple[Database, Transport], wanted: tuple[str | None, int | None]
) -> int:
    database, carrier = places
    publisher, said = carrier.publisher(f"{name}-republish"), 0
    try:
        for messages in _pages(name, settings, database, wanted):
            receipt = publisher.publish(messages)
            publisher.poll(SECONDS)
            said += len(messages)
            del receipt
        if not publisher.close(SECONDS):
            raise Transient("not everything was acknowledged in time; repeat the command")
    finally:
        carrier.close()
        database.close()
    return said


def _pages(
    name: str, settings: Settings, database: Database, wanted: tuple[str | None, int | None]
) -> Iterator[list[Message]]:
    service, (relation, again) = services(settings)[name], SAYING[name]
    order, since = wanted
    column, last = relation.table.c.order_id, ""
    while True:
        statement = sa.select(column).distinct().order_by(column).limit(PAGE)
        statement = statement.where(column == order) if order else statement
        statement = statement.where(relation.table.c.decided_at >= since) if since else statement
        statement = statement.where(column > last) if last else statement
        with database.reading() as transaction:
            ids = list(transaction.connection.execute(statement).scalars())
            found = [service.answer(*one) for one in again(transaction, ids)]
        if order and not ids:
            raise Refused(f"expected an order that {name} knows, found {order}")
        yield [message for message in found if message]
        if order or len(ids) < PAGE:
            return
        last = ids[-1]
