"""Late orders as Prometheus is told of them."""

from pathlib import Path

from farandole.messaging.database import open_database
from farandole.monitor.storage import METADATA, WAITING
from farandole.monitor.waiting_rows import Waiting
from farandole.runtime.figures import MOST_LATE, _late


def order(number: int, service: str, heard: str, since: int) -> Waiting:
    return Waiting(f"{number:036}", since, service, heard, "USD", 100)


def test_late_orders_are_counted_for_each_service_and_the_oldest_is_found_however_many_there_are(
    tmp_path: Path,
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/monitor.db")
    METADATA.create_all(database.engine)
    many = [order(n, "order", "order.paid", 1_000_000 - n) for n in range(MOST_LATE + 1)]
    few = [
        order(MOST_LATE + 1, "order", "order.failed", 7),
        order(MOST_LATE + 2, "payment", "order.validated", 8),
        order(MOST_LATE + 3, "payment", "order.validated", 2_000_000),
    ]
    with database.writing() as transaction:
        transaction.insert(WAITING, many + few)
    with database.reading() as transaction:
        assert _late(transaction, 1_000_000) == {"order": (MOST_LATE + 1, 7), "payment": (1, 8)}
        assert _late(transaction, 6) == {}
    database.close()
