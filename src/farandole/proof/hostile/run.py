"""Hostile records into a running system while honest people use it, and what became of both."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Final

from farandole.contract.facts import Facts
from farandole.contract.transitions import transition
from farandole.messaging.envelope import Record
from farandole.proof.ground.topics import everything
from farandole.proof.ground.waiting import drive_until, pause
from farandole.proof.hostile.check import SHOWN, Fates, among, fates, flagged, heard_all, letters, violations
from farandole.proof.hostile.customers import Customers, Watcher
from farandole.proof.hostile.forgeries import BAIT, victims_of
from farandole.proof.hostile.generator import hostile
from farandole.proof.hostile.halves import Half
from farandole.proof.hostile.record import Material
from farandole.proof.hostile.report import Report
from farandole.proof.records import record_fact
from farandole.runtime.routes import SERVICE_FACTS
from farandole.runtime.wiring import MONITOR

CHUNK: Final = 500
SAMPLES: Final = 60
VICTIMS: Final = 60
HONEST_A_CHUNK: Final = 20
PATIENCE: Final = 900.0
MOST_GROWTH: Final = 1 << 30
"""Bytes that all processes together may grow by."""


def attack(half: Half, records: int, seed: int, say: Callable[[str], None] = lambda line: None) -> Report:
    """Write so many hostile records while honest orders are placed; returns once everything is decided and looked at."""
    customers, watcher = Customers(half.url), Watcher(half.url)
    material = _settled(half, customers)
    settled = _facts(half)
    before = half.resident()
    most = [before]
    watcher.start()
    began = time.monotonic()
    drawn, kinds, targets = hostile(seed, material, half.holds), Counter[str](), set[str]()
    for start in range(0, records, CHUNK):
        some = list(islice(drawn, min(CHUNK, records - start)))
        kinds.update(record.kind for record in some)
        targets |= {record.about for record in some}
        half.writer.write(some)
        customers.place(HONEST_A_CHUNK)
        most.append(half.resident())
        say(f"{start + len(some)} written")
    drive_until(partial(_decided, half, most), pause, PATIENCE)
    seconds = time.monotonic() - began
    ended = _await_honest(half, customers)
    watcher.stop()
    found, own = _look(half, set(customers.placed))
    facts = _facts(half) | Facts(acknowledged=list(customers.placed), records=[record_fact(record) for record in own])
    honest = set(customers.placed) - set(material.victims)
    moved = transition(among(settled, honest), among(facts, honest))
    harmed = flagged(facts)
    bystanders = set().union(*(orders for name, orders in harmed.items() if name != "Q6")) - targets
    wrong = [
        *half.deaths(),
        *customers.faults,
        *watcher.faults,
        *found.wrong,
        *ended,
        *violations(facts, honest),
        *moved.examples,
        *(f"{order_id}: harmed without being a target" for order_id in sorted(bystanders)),
        *_grown(before, max(most)),
    ]
    customers.close()
    return Report(
        half=half.name,
        seed=seed,
        records=records,
        seconds=seconds,
        micros_a_record=seconds / records * 1e6,
        by_kind=dict(sorted(kinds.items())),
        parked={name: dict(reasons.most_common()) for name, reasons in found.parked.items()},
        accepted=dict(found.accepted.most_common()),
        honest_orders=len(customers.placed),
        refused_for_now=customers.refused,
        harmed={name: len(orders) for name, orders in harmed.items() if orders},
        resident_before=before,
        resident_most=max(most),
        logged=half.logged(),
        waits={route: max(waits) for route, waits in watcher.waits.items()},
        violations=tuple(wrong[:SHOWN]) + ((f"and {len(wrong) - SHOWN} more",) if len(wrong) > SHOWN else ()),
    )


def _settled(half: Half, customers: Customers) -> Material:
    """Orders that have ended: some to copy, some to harm."""
    for sku in ("tea", BAIT):
        customers.receive(sku, 10**9)
    samples, victims = set(customers.place(SAMPLES)), set(customers.place(VICTIMS))
    if late := _await_honest(half, customers):
        raise AssertionError(f"expected orders to end while nobody disturbs them, found {late[:3]}")
    of_orders = [
        record for record in everything(half.transport, half.partitions) if b'"order_id"' in (record.value or b"")
    ]
    return Material(_of(of_orders, samples), victims_of(_of(of_orders, victims)))


def _of(records: list[Record], orders: set[str]) -> list[Record]:
    return [record for record in records if (record.key or b"").decode(errors="replace") in orders]


def _decided(half: Half, most: list[int]) -> bool:
    most.append(half.resident())
    if half.deaths():
        raise AssertionError(f"expected every process to live, found {half.deaths()}")
    return heard_all(half.databases, half.writer.ends())


def _await_honest(half: Half, customers: Customers) -> list[str]:
    """Wait until every honest order has ended as it must and everybody is told; who has not, after a long time."""
    late: list[str] = []

    def ended() -> bool:
        facts = _facts(half)
        statuses = {order.order_id: order.status for order in facts.orders or ()}
        told = {notice.order_id for notice in facts.notices or ()}
        due = {r.order_id for r in facts.reservations or () if r.status == "RESERVED"}
        late[:] = [
            f"{order_id}: expected {status}, found {statuses.get(order_id)}"
            for order_id, status in customers.placed.items()
            if statuses.get(order_id) != status
            or order_id not in told
            or (status == "PAYMENT_FAILED" and order_id in due)
        ]
        return not late

    try:
        drive_until(ended, pause, PATIENCE)
    except AssertionError:
        return list(late)
    return []


def _facts(half: Half) -> Facts:
    """What the four databases say."""
    facts = Facts()
    for name, database in half.databases.items():
        if name != MONITOR:
            with database.reading() as transaction:
                facts |= SERVICE_FACTS[name](transaction)
    return facts


def _look(half: Half, honest: set[str]) -> tuple[Fates, list[Record]]:
    """The fates of all hostile records, and what the house itself said of honest orders."""
    log = everything(half.transport, half.partitions)
    places = half.writer.places(log)
    parked = {}
    for name, database in half.databases.items():
        with database.reading() as transaction:
            parked[name] = letters(transaction)
    own = [record for record in _of(log, honest) if (record.topic, record.partition, record.offset) not in places]
    return fates(places, parked), own


def _grown(before: int, most: int) -> list[str]:
    if most - before <= MOST_GROWTH:
        return []
    return [f"memory: expected at most {MOST_GROWTH >> 20} MiB more than {before >> 20}, found {most >> 20} MiB"]
