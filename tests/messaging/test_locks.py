"""On a real PostgreSQL two processes decide at the same time, and stock is held while one of them does."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from farandole.messaging.batch import decide
from farandole.messaging.database import Database, open_database
from farandole.messaging.envelope import Heard
from farandole.proof.ground.waiting import drive_until, pause
from farandole.services.inventory.storage import METADATA, RESERVATIONS, STOCK
from tests.contract.dances import ALL, Kept, goods, heard, said, some_id, wish
from tests.support.databases import PostgresDatabases

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def database(postgres: PostgresDatabases) -> Iterator[Database]:
    opened = open_database(postgres.database())
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


def placed(name: str) -> Heard[Any]:
    (message,) = said(Kept(ALL["order"]).batch([wish(name)]))
    assert message is not None
    assert not isinstance(message, str)
    return heard(ALL["inventory"], message)


def test_two_processes_sell_the_last_one_once(database: Database) -> None:
    inventory = ALL["inventory"]
    with database.writing() as transaction:
        decide(inventory, transaction, [goods("goods", "tea", 1)])

    def second() -> None:
        with database.writing() as transaction:
            decide(inventory, transaction, [placed("second")])

    other = Thread(target=second)
    with database.writing() as transaction:
        decide(inventory, transaction, [placed("first")])
        transaction.settle()
        other.start()
        drive_until(lambda: _waiting(database) or not other.is_alive(), pause)
    other.join()

    with database.reading() as transaction:
        outcomes = {row.order_id: row.outcome for row in transaction.all(RESERVATIONS)}
        (stock,) = transaction.all(STOCK)
    assert outcomes == {some_id("first"): "RESERVED", some_id("second"): "REJECTED"}
    assert (stock.available, stock.reserved) == (0, 1)


def _waiting(database: Database) -> bool:
    with database.reading() as transaction:
        return bool(transaction.connection.exec_driver_sql(WAITING).scalar_one())
