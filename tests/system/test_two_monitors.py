"""Two monitors share what there is to hear, one is killed while they do, and the ledger of the other is right."""

import asyncio
from threading import Thread
from typing import Any

import httpx
import pytest

from farandole.messaging.database import open_database
from farandole.monitor import ledger
from farandole.proof.ground.cluster import SAGA, Cluster, Member
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import MONITOR
from tests.system.test_distributed import place, receive

pytestmark = pytest.mark.proof
ORDERS = 3_000


def start_all(cluster: Cluster) -> tuple[Member, Member, Member]:
    """The order service and two monitors; the others are there too."""
    services = {name: cluster.start(name) for name in SAGA}
    urls = {f"FARANDOLE_{name.upper()}_URL": member.url for name, member in services.items()}
    monitors = [cluster.start(MONITOR, **urls) for _ in range(2)]
    cluster.all_ready(cluster.members)
    receive(services["inventory"].url, ORDERS * 2)
    return services["order"], monitors[0], monitors[1]


def records(monitor: Member) -> int:
    """How many this process has heard."""
    said = httpx.get(f"{monitor.url}/metrics").text
    return int(
        float(next(line for line in said.splitlines() if line.startswith("farandole_records_total")).split()[-1])
    )


def report(monitor: Member) -> dict[str, Any]:
    return dict(httpx.get(f"{monitor.url}/api/ledger", timeout=30).json())


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(400)
def test_a_monitor_that_is_killed_at_work_leaves_the_other_a_ledger_that_is_right(cluster: Cluster) -> None:
    order, dying, staying = start_all(cluster)
    load = Thread(target=lambda: asyncio.run(place([order.url], ORDERS)))
    load.start()
    drive_until(lambda: min(records(dying), records(staying)) > ORDERS // 2, pause, seconds=120)
    dying.kill()
    assert load.is_alive(), "expected the load to go on after the kill"
    load.join()

    def over() -> bool:
        found = report(staying)
        return bool(found["orders"]["placed"] == ORDERS and found["state"] == "agrees")

    drive_until(over, pause, seconds=120)
    found = report(staying)["orders"]
    assert found == {
        "placed": ORDERS,
        "completed": ORDERS * 8 // 10,
        "payment_failed": ORDERS // 10,
        "failed": ORDERS // 10,
        "under_way": 0,
    }
    assert booked(cluster) == recorded(cluster)


def booked(cluster: Cluster) -> dict[tuple[str, str], int]:
    """What the ledger says."""
    accounts = (*ledger.OF_STOCK, *ledger.OF_MONEY, "orders")
    database = open_database(cluster.databases[MONITOR])
    with database.reading() as transaction:
        figures = ledger.figures(transaction, accounts)
    database.close()
    return {(account, name): units for name, of in figures.items() for account, units in of.items() if units}


def recorded(cluster: Cluster) -> dict[tuple[str, str], int]:
    """What everything recorded adds up to."""
    database = open_database(cluster.databases[MONITOR])
    with database.reading() as transaction:
        found = {(account, name): units for account, name, units in ledger.booked_before(transaction.connection)}
    database.close()
    return found
