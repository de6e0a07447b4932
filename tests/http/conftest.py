"""Desks of the four services over real databases, and clients of their applications."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from farandole.http.app import application
from farandole.http.routes import Route
from farandole.messaging.decision import Handler
from farandole.services.inventory import handlers as inventory
from farandole.services.inventory import storage as inventory_storage
from farandole.services.notification import handlers as notification
from farandole.services.notification import storage as notification_storage
from farandole.services.order import handlers as order
from farandole.services.order import storage as order_storage
from farandole.services.payment import domain as payment_domain
from farandole.services.payment import handlers as payment
from farandole.services.payment import storage as payment_storage
from tests.support.desk_for_tests import DeskForTests, open_desk


class Client:
    """Asks an application without a network; each request is answered on an event loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://farandole") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


Serve = Callable[[Sequence[Route]], Client]


@pytest.fixture
def serve() -> Serve:
    return lambda routes: Client(application("Farandole", routes))


@pytest.fixture
def order_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    handlers: dict[Any, Handler] = dict(order.HANDLERS)
    desk = open_desk("order", tmp_path, handlers, order_storage.RELATIONS, order_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def inventory_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    handlers: dict[Any, Handler] = {}
    handlers.update(inventory.HANDLERS)
    handlers.update(inventory.COMMANDS)
    desk = open_desk("inventory", tmp_path, handlers, inventory_storage.RELATIONS, inventory_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def payment_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    handlers = payment.handlers(payment_domain.Limit("10000.00"))
    desk = open_desk("payment", tmp_path, handlers, payment_storage.RELATIONS, payment_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def notification_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    handlers = notification.handlers(("email",))
    desk = open_desk("notification", tmp_path, handlers, notification_storage.RELATIONS, notification_storage.load)
    yield desk
    desk.database.close()
