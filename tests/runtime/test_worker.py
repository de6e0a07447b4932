"""The desk of a service answers, or says that it cannot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from farandole.contract import events
from farandole.messaging.database import open_database
from farandole.messaging.envelope import Cause, Heard
from farandole.messaging.failure import Transient
from farandole.messaging.transport.embedded import EmbeddedTransport
from farandole.runtime import worker
from farandole.runtime.settings import load
from farandole.runtime.wiring import services

ORDER = "0190a0a0-0000-7000-8000-000000000001"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[worker.Worker]:
    """The order service's; nobody works there."""
    settings, database = load({}, {}), open_database(f"sqlite:///{tmp_path}/order.db")
    transport = EmbeddedTransport(tmp_path / "log.db")
    yield worker.Worker(services(settings)["order"], database, transport, settings, "test")
    transport.close()
    database.close()


def order(desk: worker.Worker) -> None:
    wish = events.PlaceOrder(order_id=ORDER, customer=events.Customer(id="c-1"), currency="USD", lines=())
    asyncio.run(desk.command(Heard(wish, Cause(ORDER, "d"), 0)))


def test_a_command_that_nobody_decides_is_an_outage(desk: worker.Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMAND_SECONDS", 0)
    with pytest.raises(Transient, match="ask again"):
        order(desk)


def test_a_service_that_halted_refuses_commands_at_once(desk: worker.Worker) -> None:
    desk.halted = "history is gone"
    with pytest.raises(Transient, match="history is gone"):
        order(desk)
