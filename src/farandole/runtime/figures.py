"""What the monitor's process tells Prometheus of the whole system: taken from looks that were made anyway, for one bounded
read of its own."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from farandole.contract.choreography import CHOREOGRAPHY, INVENTORY, ORDER, PAYMENT
from farandole.messaging.database import Database, Transaction
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard, microseconds
from farandole.messaging.failure import Transient
from farandole.monitor.audit import Kind
from farandole.monitor.domain import Recorded
from farandole.monitor.ledger_report import LedgerReport
from farandole.monitor.storage import waiting
from farandole.runtime.watch import Watch
from farandole.runtime.worker import Worker
from farandole.web.doctor.look import SERVICES, Observation

MOST_LATE: Final = 10_000
"""Late orders that are counted at most, of those that wait at a service for the same topic."""
PLACES: Final = sorted({(str(step.service), step.hears.topic) for step in CHOREOGRAPHY})
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
OBSERVED: Final = (str(ORDER), str(INVENTORY), str(PAYMENT), "monitor")
"""Whose figures the ledger compares."""


def observe(
    registry: CollectorRegistry,
    monitor: Worker,
    database: Database,
    looks: tuple[Watch, Callable[[], LedgerReport | None]],
) -> CollectorRegistry:
    """Add the figures of the whole system to those of this process."""
    took = Histogram(
        "farandole_order_seconds", "from an order's arrival to its end", buckets=BUCKETS, registry=registry
    )
    monitor.noticed.append(lambda decisions: _measure(took, decisions))
    registry.register(_System(monitor, database, *looks))
    return registry


def _measure(took: Histogram, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
    """Orders that ended: their ids say when they came, to the millisecond."""
    for heard, decision in decisions:
        row = decision.guard
        if isinstance(row, Recorded) and row.service == ORDER and row.heard and row.recorded_at == heard.at:
            began = _began(row.order_id)
            if began is not None:
                took.observe(max(0, row.decided_at - began) / 1e6)


def _began(order_id: str) -> int | None:
    return int(order_id[:8] + order_id[9:13], 16) * 1000 if order_id[14] == "7" else None


class _System(Collector):
    def __init__(
        self, monitor: Worker, database: Database, watch: Watch, report: Callable[[], LedgerReport | None]
    ) -> None:
        self._monitor, self._database, self._watch, self._report = monitor, database, watch, report

    def collect(self) -> Iterator[Metric]:
        if seen := self._watch.last:
            yield from _services(seen, self._monitor.now())
        if report := self._report():
            yield from _ledger(report)
        yield from self._late()

    def _late(self) -> Iterator[Metric]:
        now = self._monitor.now()
        try:
            with self._database.reading() as transaction:
                found = _late(transaction, now - self._watch.late_after)
        except Transient:
            return
        late = _gauge("farandole_orders_late", "orders that wait too long for a service (ten thousand a topic at most)")
        oldest = _gauge("farandole_orders_late_oldest_seconds", "how long the oldest of them waits")
        for service in SERVICES[:-1]:
            count, since = found.get(service, (0, now))
            late.add_metric([service], count)
            oldest.add_metric([service], (now - since) / 1e6)
        yield from (late, oldest)


def _late(transaction: Transaction, until: int) -> dict[str, tuple[int, int]]:
    """How many orders wait at a service, and since when: read along the index of those that wait longest."""
    found: dict[str, tuple[int, int]] = {}
    for service, heard in PLACES:
        c = waiting.c
        here = sa.select(c.since).where(c.service == service, c.heard == heard, c.since <= until)
        longest = here.order_by(c.since).limit(MOST_LATE).subquery()
        count, since = transaction.connection.execute(sa.select(sa.func.count(), sa.func.min(longest.c.since))).one()
        if count:
            orders, before = found.get(service, (0, since))
            found[service] = (orders + count, min(before, since))
    return found


def _gauge(name: str, meaning: str, label: str = "service") -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=[label])


def _services(seen: Observation, now: int) -> Iterator[Metric]:
    up = _gauge("farandole_service_up", "1 while a service answers")
    members = _gauge("farandole_group_members", "members of a service's consumer group")
    lag = _gauge("farandole_lag_records", "records that a service has not heard yet")
    rows = _gauge("farandole_outbox_rows", "events not yet published (ten thousand are counted at most)")
    oldest = _gauge("farandole_outbox_oldest_seconds", "age of the oldest event not yet published")
    parked = _gauge("farandole_dead_letters", "parked records not yet replayed or discarded")
    for service in SERVICES:
        status = seen.statuses.get(service)
        up.add_metric([service], status is not None and status.away is None)
        if seen.sight:
            members.add_metric([service], seen.group(service).members)
            lag.add_metric([service], sum(seen.behind(service).values()))
        if status and (kept := status.kept):
            rows.add_metric([service], kept.outbox)
            since = microseconds(kept.outbox_since) if kept.outbox_since else now
            oldest.add_metric([service], max(0, now - since) / 1e6)
            parked.add_metric([service], kept.parked)
    yield from (up, members, lag, rows, oldest, parked)


def _ledger(report: LedgerReport) -> Iterator[Metric]:
    ended = CounterMetricFamily("farandole_orders", "orders by how they ended", labels=["outcome"])
    for outcome in ("completed", "payment_failed", "failed"):
        ended.add_metric([outcome], getattr(report.orders, outcome))
    yield ended
    yield CounterMetricFamily("farandole_orders_placed", "orders that were placed", value=report.orders.placed)
    yield GaugeMetricFamily("farandole_orders_under_way", "orders that have not ended", value=report.orders.under_way)
    amounts = CounterMetricFamily("farandole_money", "sums of the ledger", labels=["account", "currency"])
    for money in report.money:
        for account in ("placed", "completed", "paid", "declined"):
            amounts.add_metric([account, money.currency], float(getattr(money, account)))
    yield amounts
    drift = _gauge("farandole_ledger_drift", "figures of a service that contradict the log", "kind")
    moving = _gauge("farandole_ledger_moving", "figures that differ and still move", "kind")
    for kind in Kind:
        found = [one.drift for one in report.findings if one.kind is kind]
        drift.add_metric([kind], sum(found))
        moving.add_metric([kind], len(found) - sum(found))
    unseen = _gauge("farandole_ledger_unseen", "1 while figures of a service cannot be compared")
    for service in OBSERVED:
        unseen.add_metric([service], service in report.unseen)
    at = microseconds(report.looked_at) / 1e6
    yield from (drift, moving, unseen)
    yield GaugeMetricFamily("farandole_ledger_look_timestamp_seconds", "when the ledger was compared last", value=at)
