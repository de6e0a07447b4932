"""The desk of a service answers, or says that it cannot."""

import asyncio
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


def test_a_command_that_nobody_decides_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMAND_SECONDS", 0)
    settings, database = load({}, {}), open_database(f"sqlite:///{tmp_path}/order.db")
    transport = EmbeddedTransport(tmp_path / "log.db")
    desk = worker.Worker(services(settings)["order"], database, transport, settings, "test")
    wish = events.PlaceOrder(order_id=ORDER, customer=events.Customer(id="c-1"), currency="USD", lines=())
    with pytest.raises(Transient, match="ask again"):
        asyncio.run(desk.command(Heard(wish, Cause(ORDER, "d"), 0)))
    transport.close()
    database.close()
