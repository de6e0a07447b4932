"""Desks of the four services over real databases, and clients of their applications."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from farandole.http.app import application
from farandole.http.routes import Route
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

Serve = Callable[[Sequence[Route]], TestClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(routes: Sequence[Route]) -> TestClient:
            app = application("Farandole", routes)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False, follow_redirects=False))

        yield start


@pytest.fixture
def order_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    desk = open_desk("order", tmp_path, order.HANDLERS, order_storage.RELATIONS, order_storage.load)
    yield desk
    desk.database.close()


@pytest.fixture
def inventory_desk(tmp_path: Path) -> Iterator[DeskForTests]:
    handlers = {**inventory.HANDLERS, **inventory.COMMANDS}
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
