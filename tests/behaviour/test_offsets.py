"""Going on from a wrong place would lose or repeat history, so nobody does."""

import msgspec
import pytest

from farandole.messaging.failure import Halt
from farandole.messaging.kernel_tables import KERNEL
from tests.behaviour.house import House


def _wind_back(house: House, name: str, to: int) -> None:
    rows = house.rows(name, KERNEL.offsets)
    house.write(name, KERNEL.offsets, *(msgspec.structs.replace(row, decided=to, acked=to) for row in rows))


def test_a_topic_that_was_created_anew_halts_its_hearers(house: House) -> None:
    house.flows()
    house.crash("payment")
    house.crash("monitor")
    house.ground.recreate("order.validated")
    house.start("payment")
    with pytest.raises(Halt, match=r"order\.validated/\d: expected the topic .*created anew"):
        house.drive(lambda: False)


def test_a_group_beyond_what_its_database_decided_halts(house: House) -> None:
    house.flows()
    house.crash("payment")
    _wind_back(house, "payment", 0)
    house.start("payment")
    with pytest.raises(Halt, match=r"order\.validated/\d: the group's offset \d+ is beyond 0"):
        house.drive(lambda: False)


def test_a_group_that_its_database_never_heard_of_halts(house: House) -> None:
    house.flows()
    house.crash("payment")
    with house._databases["payment"].writing() as transaction:
        transaction.connection.execute(KERNEL.offsets.table.delete())
    house.start("payment")
    with pytest.raises(Halt, match="this database never heard the partition"):
        house.drive(lambda: False)


def test_a_halt_says_what_to_do_and_decides_nothing(house: House) -> None:
    house.flows()
    house.crash("payment")
    _wind_back(house, "payment", 0)
    before = [house.rows("payment", relation) for relation in house.services["payment"].relations]
    house.start("payment")
    with pytest.raises(Halt, match="set the group's offset back"):
        house.drive(lambda: False)
    assert [house.rows("payment", relation) for relation in house.services["payment"].relations] == before
