"""Two monitors share what there is to hear, one is killed while they do, and the ledger of the other is right."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from typing import Any, Final

import httpx
import pytest

from farandole.messaging.database import open_database
from farandole.monitor import ledger
from farandole.proof.ground.cluster import SAGA, Cluster, Member
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import MONITOR
from tests.support.customers import flow_of_number, receive, wish

pytestmark = pytest.mark.proof
CUSTOMERS: Final = 4
FEW: Final = 50
"""Records that each process hears at least before and after the kill."""


def start_all(cluster: Cluster) -> tuple[Member, Member, Member]:
    """The order service and two monitors; the others are there too."""
    services = {name: cluster.start(name) for name in SAGA}
    urls = {f"FARANDOLE_{name.upper()}_URL": member.url for name, member in services.items()}
    monitors = [cluster.start(MONITOR, **urls) for _ in range(2)]
    cluster.all_ready(cluster.members)
    receive(services["inventory"].url, 1_000_000)
    return services["order"], monitors[0], monitors[1]


def records(monitor: Member) -> int:
    """How many this process has heard."""
    said = httpx.get(f"{monitor.url}/metrics", timeout=30).text
    return int(
        float(next(line for line in said.splitlines() if line.startswith("farandole_records_total")).split()[-1])
    )


def report(monitor: Member) -> dict[str, Any]:
    return dict(httpx.get(f"{monitor.url}/api/ledger", timeout=30).json())


def placed(url: str, enough: Event) -> int:
    """Place one order after the other until it is enough; how many."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in count():
            if enough.is_set():
                return number
            assert client.post("/api/orders", json=wish(flow_of_number(number))).status_code == 201
    raise AssertionError("numbers have no end")


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(400)
def test_a_monitor_that_is_killed_at_work_leaves_the_other_a_ledger_that_is_right(cluster: Cluster) -> None:
    order, dying, staying = start_all(cluster)
    enough = Event()
    with ThreadPoolExecutor(CUSTOMERS) as customers:
        counts = [customers.submit(placed, order.url, enough) for _ in range(CUSTOMERS)]
        try:
            drive_until(lambda: min(records(dying), records(staying)) > FEW, pause, seconds=120)
            dying.kill()
            heard = records(staying)
            drive_until(lambda: records(staying) > heard + FEW, pause, seconds=120)
        finally:
            enough.set()
    orders = sum(count.result() for count in counts)

    def over() -> bool:
        found = report(staying)
        ended = (found["orders"]["placed"], found["orders"]["under_way"]) == (orders, 0)
        return bool(ended and found["state"] == "agrees")

    drive_until(over, pause, seconds=120)
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
