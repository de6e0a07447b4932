"""Orders that are not over are found once, forgotten when they are, and counted by what they wait for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from uuid_utils import uuid7

from farandole.contract.choreography import flow
from farandole.messaging.database import Database, open_database
from farandole.monitor import waiting, waiting_sums
from farandole.monitor.domain import Recorded
from farandole.monitor.storage import RECORDED, WAITING
from farandole.monitor.storage import waiting_sums as waiting_sums_table
from farandole.runtime.migrations import migrate

NOON = 1_800_000_000_000_000
PLACED = (
    '{"order_id": "%s", "customer": {"id": "c"}, "currency": "USD", "total": "19.99",'
    ' "lines": [{"sku": "tea", "quantity": 1, "unit_price": "19.99"}]}'
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate("monitor", database_url)
    opened = open_database(database_url)
    yield opened
    opened.close()


def danced(which: str, at: int, order_id: str = "") -> list[Recorded]:
    """Every step of a flow, recorded a microsecond apart."""
    order_id = order_id or str(uuid7())
    rows = []
    for number, step in enumerate(flow(which), 1):
        said = step.says.topic if step.says else None
        value = PLACED % order_id if said == "order.placed" else "{}"
        heard, time = step.hears.topic or None, at + number - 1
        rows.append(
            Recorded(
                str(uuid7()), "d", order_id, number, step.service, step.words, heard, said, time, None, time, value
            )
        )
    return rows


def record(database: Database, rows: Sequence[Recorded]) -> None:
    with database.writing() as transaction:
        transaction.insert(RECORDED, list(rows))


def swept(database: Database, until: int) -> dict[str, tuple[str, str, int]]:
    """What waits after a look at everything recorded until then."""
    with database.writing() as transaction:
        while waiting.sweep(transaction, until):
            pass
    after, over = waiting.FIRST, 1
    while after != waiting.FIRST or over:
        with database.writing() as transaction:
            after, over = waiting.look_again(transaction, after)
    with database.reading() as transaction:
        return {row.order_id: (row.service, row.heard, row.amount) for row in transaction.all(WAITING)}


@pytest.mark.parametrize("which", ["happy", "payment-failure", "stock-failure"])
def test_an_order_waits_for_its_next_step_until_its_dance_is_over(database: Database, which: str) -> None:
    rows = danced(which, NOON)
    steps = flow(which)
    for taken in range(1, len(rows)):
        record(database, rows[taken - 1 : taken])
        following = steps[taken]
        assert swept(database, NOON) == {
            rows[0].order_id: (following.service, following.hears.topic, 1999),
        }
    record(database, rows[-1:])
    assert swept(database, NOON) == {}


def test_an_order_is_taken_up_only_when_it_has_had_its_time(database: Database) -> None:
    record(database, danced("happy", NOON)[:2])
    assert swept(database, NOON - 1) == {}
    assert len(swept(database, NOON)) == 1


def test_more_orders_than_one_look_takes_are_found_counted_and_forgotten(database: Database) -> None:
    count = waiting.CHUNK + 7
    dances = [danced("happy", NOON + number // 2) for number in range(count)]
    record(database, [row for dance in dances for row in dance[:2]])
    assert len(swept(database, NOON + count)) == count
    with database.reading() as transaction:
        (queue,) = waiting_sums.late(transaction, NOON + count)
        longest = waiting.oldest(transaction, ("payment", "order.validated"), NOON + count, 3)
    assert queue == ("payment", "order.validated", "USD", count, count * 1999)
    assert [row.since for row in longest] == [NOON + 1, NOON + 1, NOON + 2]
    record(database, [row for dance in dances for row in dance[2:]])
    assert swept(database, NOON + count) == {}


def test_amounts_that_no_order_has_do_not_stop_the_sweep(database: Database) -> None:
    dances = [danced("happy", NOON) for _ in range(10)]
    forged = str(9 * 10**15)
    for dance in dances:
        placed = PLACED % dance[0].order_id
        dance[0] = msgspec.structs.replace(dance[0], value=placed.replace("19.99", forged))
    record(database, [row for dance in dances for row in dance[:2]])
    assert len(swept(database, NOON + 1)) == 10
    with database.reading() as transaction:
        (queue,) = waiting_sums.late(transaction, NOON + 1)
    assert (queue.orders, queue.amount) == (10, 0)


def counted(database: Database, until: int) -> dict[tuple[str, str], tuple[int, int]]:
    """Late orders and their money by what they wait for, as the sums have it; as all of them counted would."""
    with database.reading() as transaction:
        queues = waiting_sums.late(transaction, until)
        late = [row for row in transaction.all(WAITING) if row.since <= until]
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in late:
        orders, amount = found.get((row.service, row.heard), (0, 0))
        found[row.service, row.heard] = orders + 1, amount + row.amount
    assert {(queue.service, queue.heard): (queue.orders, queue.amount) for queue in queues} == found
    return found


def test_the_sums_follow_orders_that_come_move_on_and_end(database: Database) -> None:
    dances = [danced(which, NOON) for which in ("happy", "payment-failure", "stock-failure") for _ in range(4)]
    for taken in range(1, max(map(len, dances)) + 1):
        for number, rows in enumerate(dances):
            if taken + number % 3 <= len(rows):
                record(
                    database, rows[taken + number % 3 - 1 : taken + number % 3] if taken > 1 else rows[: 1 + number % 3]
                )
        swept(database, NOON + 10)
        for until in (NOON - 1, NOON, NOON + 2, NOON + 10):
            counted(database, until)
    assert counted(database, NOON + 10) == {}


def test_orders_that_began_to_wait_just_now_are_not_counted_as_late(database: Database) -> None:
    for number in range(3):
        record(database, danced("happy", NOON + number)[:1])
    swept(database, NOON + 10)
    assert counted(database, NOON + 1) == {("inventory", "order.placed"): (2, 2 * 1999)}


def test_sums_that_somebody_made_wrong_are_put_right_by_the_next_round(database: Database) -> None:
    record(database, danced("happy", NOON)[:2])
    swept(database, NOON)
    with database.writing() as transaction:
        transaction.connection.execute(sa.update(waiting_sums_table).values(orders=7, service="order"))
    swept(database, NOON)
    assert counted(database, NOON + 10) == {("payment", "order.validated"): (1, 1999)}


def test_what_is_over_is_never_taken_up(database: Database) -> None:
    record(database, [row for number in range(50) for row in danced("happy", NOON + number)])
    assert swept(database, NOON + 100) == {}


def test_an_order_whose_beginning_is_not_recorded_waits_to_be_placed(database: Database) -> None:
    rows = danced("happy", NOON)
    record(database, [msgspec.structs.replace(rows[1], number=1)])
    assert swept(database, NOON + 10) == {rows[0].order_id: ("order", "", 0)}


def test_the_look_reads_along_the_index_of_first_steps(tmp_path: Path) -> None:
    """On SQLite the plan says so: a look at a store of finished orders does not read the store."""
    url = f"sqlite:///{tmp_path}/monitor.db"
    migrate("monitor", url)
    opened = open_database(url)
    with opened.reading() as transaction:
        plan = transaction.connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT recorded_at FROM recorded WHERE number = 1 AND recorded_at > 5 AND recorded_at <= 9"
        ).all()
    opened.close()
    assert "first_recorded" in str(plan)
