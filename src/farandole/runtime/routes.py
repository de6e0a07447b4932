"""Which routes and facts belong to which service."""

from collections.abc import Callable, Mapping
from typing import Final

from farandole.contract.choreography import INVENTORY, NOTIFICATION, ORDER, PAYMENT
from farandole.contract.facts import Facts
from farandole.http.desk import Desk
from farandole.http.routes import Route
from farandole.messaging.database import Transaction
from farandole.monitor import api as monitor_api
from farandole.monitor import facts as monitor_facts
from farandole.monitor import statistics_api
from farandole.runtime.wiring import MONITOR
from farandole.runtime.worker import clock
from farandole.services.inventory import api as inventory_api
from farandole.services.inventory import facts as inventory_facts
from farandole.services.notification import api as notification_api
from farandole.services.notification import facts as notification_facts
from farandole.services.order import api as order_api
from farandole.services.order import facts as order_facts
from farandole.services.payment import api as payment_api
from farandole.services.payment import facts as payment_facts


def _monitor_routes(desk: Desk) -> tuple[Route, ...]:
    return (*monitor_api.routes(desk), *statistics_api.routes(desk))


SERVICE_ROUTES: Final[Mapping[str, Callable[[Desk], tuple[Route, ...]]]] = {
    ORDER: order_api.routes,
    INVENTORY: inventory_api.routes,
    PAYMENT: payment_api.routes,
    NOTIFICATION: notification_api.routes,
    MONITOR: _monitor_routes,
}


def _monitor_facts(transaction: Transaction) -> Facts:
    return monitor_facts.facts(transaction, clock())


SERVICE_FACTS: Final[Mapping[str, Callable[[Transaction], Facts]]] = {
    ORDER: order_facts.facts,
    INVENTORY: inventory_facts.facts,
    PAYMENT: payment_facts.facts,
    NOTIFICATION: notification_facts.facts,
    MONITOR: _monitor_facts,
}
