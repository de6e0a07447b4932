"""On a real PostgreSQL two monitors record, fold and read at the same time, and the ledger has everything once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from farandole.messaging.batch import Verdict, decide
from farandole.messaging.database import Database, Transaction, open_database
from farandole.messaging.decision import Rows
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Conflict
from farandole.messaging.service import Service
from farandole.monitor import booking, ledger
from farandole.monitor.booking import Booked
from farandole.monitor.storage import METADATA, balances
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import MONITOR
from tests.contract.dances import ALL, danced, heard
from tests.monitor.test_ledger import BOOKS
from tests.support.databases import PostgresDatabases

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
ACCOUNTS = (*ledger.OF_STOCK, *ledger.OF_MONEY, booking.ORDERS)


@pytest.fixture
def database(postgres: PostgresDatabases) -> Iterator[Database]:
    opened = open_database(postgres.database())
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


def record(database: Database, batch: Sequence[Heard[Any]], monitor: Service = ALL[MONITOR]) -> None:
    with database.writing() as transaction:
        verdicts = decide(monitor, transaction, batch)
        assert all(isinstance(verdict, Verdict) for verdict in verdicts), verdicts


def booked(database: Database) -> Booked:
    with database.reading() as transaction:
        found = ledger.figures(transaction, ACCOUNTS)
    return {(account, name): units for name, of in found.items() for account, units in of.items() if units}


@pytest.mark.parametrize(("price", "tea"), list(BOOKS))
@pytest.mark.parametrize("late", [slice(0, 1), slice(1, None), slice(0, None, 2), slice(1, None, 2)], ids=str)
def test_an_order_that_two_monitors_hear_of_at_once_is_booked_once(
    database: Database, price: str, tea: int, late: slice
) -> None:
    """The later one has looked when the other commits: it looks again."""
    everything = [heard(ALL[MONITOR], message) for message in danced(price, tea)]
    mine = everything[late]
    others = [each for each in everything if each not in mine]

    def load(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
        rows = ALL[MONITOR].load(transaction, batch)
        record(database, others)
        return rows

    with pytest.raises(Conflict):
        record(database, mine, replace(ALL[MONITOR], load=load))
    record(database, mine)
    assert booked(database) == BOOKS[price, tea]


def test_two_monitors_that_fold_at_once_add_every_entry_once(database: Database) -> None:
    (price, tea), expected = next(iter(BOOKS.items()))
    for message in danced(price, tea):
        record(database, [heard(ALL[MONITOR], message)])

    def second() -> None:
        with database.writing() as transaction:
            ledger.fold(transaction)

    other = Thread(target=second)
    with database.writing() as transaction:
        ledger.fold(transaction)
        other.start()
        drive_until(lambda: _waiting(database) or not other.is_alive(), pause)
    other.join()
    assert booked(database) == expected
    with database.reading() as transaction:
        folded = {(row.account, row.name): row.units for row in transaction.connection.execute(sa.select(balances))}
    assert folded == expected


def _waiting(database: Database) -> bool:
    with database.reading() as transaction:
        return bool(transaction.connection.exec_driver_sql(WAITING).scalar_one())
