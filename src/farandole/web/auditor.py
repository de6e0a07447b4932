"""Looks at the ledger and at the services every few seconds; a look costs the same however much is stored."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from farandole.contract import events
from farandole.contract.choreography import INVENTORY, ORDER, PAYMENT
from farandole.http.parameters import write_cursor
from farandole.http.problems import Problem
from farandole.messaging.database import Database, Transaction
from farandole.messaging.envelope import rfc3339
from farandole.monitor import audit, booking, ledger
from farandole.monitor.audit import Difference, Kind, Told, Watch
from farandole.monitor.domain import Recorded
from farandole.monitor.ledger_report import Amounts, Finding, LedgerReport, Orders, Stock, state
from farandole.monitor.storage import RECORDED, recorded
from farandole.web.ages import id_at
from farandole.web.branches import Branches, ask

SKUS: Final = 200
"""SKUs that a look compares; the next look goes on behind them."""
ORDERS: Final = 25
"""Orders and payments that a look compares, of the newest and of the older ones each."""
SUSPECTS: Final = 20
"""What is looked at again each time, of each kind."""
STRANGERS: Final = 10
"""SKUs that the ledger has balances of and a look asks for one by one."""
FOLDS: Final = 4
REST: Final = 5_000_000
"""Younger orders are still dancing."""

T = TypeVar("T")


class Unobserved(Exception):
    """A service did not give the figures."""


class Auditor:
    """`behind` says why not every record is heard at once, None while it is."""

    def __init__(self, database: Database, branches: Branches, behind: Callable[[], str | None]) -> None:
        self.branches = branches
        self._database, self._behind = database, behind
        self._watch = Watch()
        self._after = {ORDER: "", PAYMENT: "", INVENTORY: "", "strangers": ""}
        self._report: LedgerReport | None = None

    def report(self) -> LedgerReport | None:
        """What the last look found."""
        return self._report

    async def look(self) -> None:
        """Fold what is booked, compare, and report; raises Transient while the monitor's own database is away."""
        for _ in range(FOLDS):
            with self._database.writing() as transaction:
                if not ledger.fold(transaction):
                    break
        now, why = _now(), self._behind()
        unseen: dict[str, str] = {} if why is None else {"monitor": why}
        stock: list[Stock] = []
        for service, kind, compare in (
            (INVENTORY, Kind.STOCK, self._stock),
            (ORDER, Kind.ORDER, self._orders),
            (PAYMENT, Kind.PAYMENT, self._payments),
        ):
            try:
                found = await compare(stock)
            except Unobserved as error:
                unseen[service] = str(error)
                self._watch.unseen(kind)
            else:
                self._watch.observe(now, kind, found, steady=why is None)
                self._watch.forget(kind, SUSPECTS)
        figures, orders = self._read(_totals)
        self._watch.observe(now, Kind.MONEY, audit.monies(figures, orders), steady=why is None)
        self._report = _report(now, self._watch, unseen, (figures, orders, stock))

    def _read(self, reader: Callable[[Transaction], T]) -> T:
        with self._database.reading() as transaction:
            return reader(transaction)

    async def _ask(self, service: str, path: str, **query: str) -> Any:
        """What a service answers, None where it says 404."""
        client = self.branches.get(service)
        if client is None:
            raise Unobserved(f"the address of the {service} service is not known here")
        try:
            answer = await ask(client, "GET", path, params={k: v for k, v in query.items() if v})
        except Problem as problem:
            raise Unobserved(problem.detail or f"the {service} service does not answer") from None
        if answer.status_code not in (200, 404):
            raise Unobserved(f"the {service} service answers with {answer.status_code}")
        return msgspec.json.decode(answer.content) if answer.status_code == 200 else None

    async def _stock(self, shown: list[Stock]) -> dict[str, Difference | None]:
        page = await self._ask(INVENTORY, "/api/stock", limit=str(SKUS), cursor=self._after[INVENTORY])
        self._after[INVENTORY] = page["next_cursor"] or ""
        there: dict[str, tuple[int, int] | None] = {row["sku"]: _of(row) for row in page["items"]}
        for sku in {*self._watch.names(Kind.STOCK, SUSPECTS), *self._strangers()} - there.keys():
            row = await self._ask(INVENTORY, f"/api/stock/{sku}")
            there[sku] = _of(row) if row else None
        figures = self._read(lambda transaction: ledger.stock(transaction, there))
        shown += [_shown(sku, figures.get(sku, {}), there[sku]) for sku in sorted(there)]
        return {sku: audit.stock(sku, figures.get(sku, {}), row) for sku, row in there.items()}

    def _strangers(self) -> list[str]:
        """The next SKUs that the log says were received."""
        after = self._after["strangers"]
        found = self._read(lambda transaction: ledger.names(transaction, booking.RECEIVED, after, STRANGERS))
        self._after["strangers"] = found[-1] if len(found) == STRANGERS else ""
        return found

    async def _orders(self, _: object) -> dict[str, Difference | None]:
        found = await self._walk(ORDER, Kind.ORDER, "/api/orders")
        told = {row["id"]: Told(row["status"], row["currency"], row["total"]) for row in found}
        log = self._log(told, _order_told)
        return {order_id: audit.order(order_id, log[order_id], told[order_id]) for order_id in log}

    async def _payments(self, _: object) -> dict[str, Difference | None]:
        found = await self._walk(PAYMENT, Kind.PAYMENT, "/api/payments")
        told = {row["order_id"]: Told(row["status"], row["currency"], row["amount"]) for row in found}
        log = self._log(told, _payment_told)
        return {order_id: audit.payment(order_id, log[order_id], told[order_id]) for order_id in log}

    async def _walk(self, service: str, kind: Kind, path: str) -> list[dict[str, Any]]:
        """The newest that are at rest, the next of the older ones, and the suspects."""
        newest = await self._ask(service, path, limit=str(ORDERS), cursor=write_cursor(id_at(_now() - REST)))
        after = self._after[service] or newest["next_cursor"]
        older = await self._ask(service, path, limit=str(ORDERS), cursor=after) if after else None
        self._after[service] = (older or newest)["next_cursor"] or ""
        found = [*newest["items"], *(older["items"] if older else ())]
        for name in self._watch.names(kind, SUSPECTS):
            row = await self._ask(service, f"{path}/{name}")
            if row is not None:
                found.append(row)
            else:
                self._watch.observe(_now(), kind, {name: None}, steady=True)
        return found

    def _log(self, ids: Iterable[str], tell: Callable[[Sequence[Recorded]], Told | None]) -> dict[str, Told | None]:
        """What the log says of these orders; those from before it began are left out."""

        def look(transaction: Transaction) -> tuple[list[Recorded], str | None]:
            first = sa.select(recorded.c.order_id).order_by(recorded.c.order_id).limit(1)
            rows = transaction.select(RECORDED, ids, by="order_id")
            return rows, transaction.connection.scalar(first)

        rows, first = self._read(look)
        by_order: dict[str, list[Recorded]] = {order_id: [] for order_id in ids if first and order_id >= first}
        for row in rows:
            by_order.setdefault(row.order_id, []).append(row)
        return {order_id: tell(steps) for order_id, steps in by_order.items()}


def _now() -> int:
    return time.time_ns() // 1000


def _order_told(steps: Sequence[Recorded]) -> Told | None:
    placed = next((row for row in steps if row.said == events.OrderPlaced.topic), None)
    if placed is None:
        return None
    event = msgspec.json.decode(placed.value, type=events.OrderPlaced)
    taken = {row.step for row in steps if row.service == ORDER}
    ends = (outcome for outcome in booking.OUTCOMES if f"Update order ({outcome})" in taken)
    return Told(next(ends, audit.PENDING), event.currency, event.total)


def _payment_told(steps: Sequence[Recorded]) -> Told | None:
    for row in steps:
        if row.said in (events.OrderPaid.topic, events.PaymentFailed.topic):
            paid = row.said == events.OrderPaid.topic
            event = msgspec.json.decode(row.value, type=events.OrderPaid)
            return Told("COMPLETED" if paid else "FAILED", event.currency, event.amount)
    return None


def _totals(transaction: Transaction) -> tuple[ledger.Figures, Mapping[str, int]]:
    """Money by currency and account, and orders by how far they are."""
    found = ledger.figures(transaction, (*ledger.OF_MONEY, booking.ORDERS))
    orders = {name: figures[booking.ORDERS] for name, figures in found.items() if booking.ORDERS in figures}
    return {name: figures for name, figures in found.items() if booking.ORDERS not in figures}, orders


def _of(row: Mapping[str, int]) -> tuple[int, int]:
    return row["available"], row["reserved"]


def _shown(sku: str, log: Mapping[str, int], service: tuple[int, int] | None) -> Stock:
    available, reserved = service or (0, 0)
    return Stock(
        sku=sku,
        received=log.get(booking.RECEIVED, 0),
        reserved=log.get(booking.RESERVED, 0) - log.get(booking.RELEASED, 0),
        under_way=log.get(booking.OPEN, 0),
        inventory_on_hand=available + reserved,
        inventory_reserved=reserved,
    )


def _report(
    now: int,
    watch: Watch,
    unseen: Mapping[str, str],
    numbers: tuple[ledger.Figures, Mapping[str, int], Sequence[Stock]],
) -> LedgerReport:
    figures, orders, stock = numbers
    suspicions = sorted(watch.known.values(), key=lambda one: (not one.drift, one.since))
    found = tuple(Finding.of(one) for one in suspicions)
    return LedgerReport(
        state=state(found, unseen),
        looked_at=rfc3339(now),
        unseen=dict(unseen),
        orders=Orders(
            placed=orders.get("PLACED", 0),
            completed=orders.get("COMPLETED", 0),
            payment_failed=orders.get("PAYMENT_FAILED", 0),
            failed=orders.get("FAILED", 0),
            under_way=audit.under_way(orders),
        ),
        money=tuple(Amounts.of(currency, figures[currency]) for currency in sorted(figures)),
        stock=tuple(stock),
        findings=found,
    )
