"""Services with one mechanism broken, for the model checker to find."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

import msgspec

from farandole.contract import events
from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision, Row, Rows
from farandole.messaging.envelope import Event, Heard
from farandole.messaging.failure import Poison
from farandole.messaging.service import Service
from farandole.runtime.settings import load
from farandole.runtime.wiring import services
from farandole.services.inventory import handlers as inventory
from farandole.services.inventory import storage as inventory_storage
from farandole.services.inventory.domain import Held, ReceiveStock, Release, Reservation, Stock
from farandole.services.notification.domain import Notice
from farandole.services.order import handlers as order
from farandole.services.order.domain import Order, Outcome, Status, UsedKey
from farandole.services.payment import handlers as payment
from farandole.services.payment.domain import Limit, Payment

R = TypeVar("R", bound=Row)
Handler = Callable[[Any, Heard[Any]], Decision]
Services = Mapping[str, Service]
SOUND = services(load({}))


class Blind:
    """Rows that a handler does not find, though they are there."""

    def __init__(self, rows: Rows, kind: type[Row]) -> None:
        self._rows, self._kind = rows, kind

    def get(self, kind: type[R], key: Hashable) -> R | None:
        return None if kind is self._kind else self._rows.get(kind, key)


class Stale(Rows):
    """Rows of one kind as they were before the batch."""

    def __init__(self, rows: Rows, old: type[Row]) -> None:
        super().__init__()
        self._rows, self._old = rows, old

    def get(self, kind: type[R], key: Hashable) -> R | None:
        if kind is self._old:
            return self._rows._stored.get(kind, {}).get(key)  # type: ignore[return-value]  # filed under its kind
        return self._rows.get(kind, key)


def with_handler(service: str, event: type[Event], handler: Handler, **changes: Any) -> Services:
    """All services, one of them with another handler."""
    sound = SOUND[service]
    return {**SOUND, service: replace(sound, handlers={**sound.handlers, event: handler}, **changes)}


def blind(service: str, event: type[Event], kind: type[Row]) -> Services:
    """A handler that does not look whether its row is there."""
    handler = SOUND[service].handlers[event]
    return with_handler(service, event, lambda rows, heard: handler(Blind(rows, kind), heard))  # type: ignore[arg-type]


def no_guard_on_release() -> Services:
    return blind("inventory", events.PaymentFailed, Release)


def no_guard_on_reserve() -> Services:
    return blind("inventory", events.OrderPlaced, Reservation)


def no_guard_on_payment() -> Services:
    return blind("payment", events.OrderValidated, Payment)


def no_guard_on_outcome() -> Services:
    return blind("order", events.OrderPaid, Outcome)


def no_guard_on_notice() -> Services:
    return blind("notification", events.OrderCompleted, Notice)


def key_forgotten() -> Services:
    return blind("order", events.PlaceOrder, UsedKey)


def placed_twice() -> Services:
    return blind("order", events.PlaceOrder, Order)


def rejected_then_validated() -> Services:
    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        known = rows.get(Reservation, heard.event.order_id)
        if known and known.outcome == Held.REJECTED:
            return Decision(known, inventory.answer(msgspec.structs.replace(known, outcome=Held.RESERVED)))
        return inventory.reserve(rows, heard)

    return with_handler("inventory", events.OrderPlaced, reserve)


def released_then_failed() -> Services:
    def load_releases(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
        rows = inventory_storage.load(transaction, batch)
        rows.load(transaction.select(inventory_storage.RELEASES, {h.event.order_id for h in batch if h.event.topic}))
        return rows

    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        known = rows.get(Reservation, heard.event.order_id)
        if known and rows.get(Release, heard.event.order_id):
            return Decision(known, inventory.answer(msgspec.structs.replace(known, outcome=Held.REJECTED)))
        return inventory.reserve(rows, heard)

    return with_handler("inventory", events.OrderPlaced, reserve, load=load_releases)


def stock_before_the_batch() -> Services:
    return with_handler(
        "inventory", events.OrderPlaced, lambda rows, heard: inventory.reserve(Stale(rows, Stock), heard)
    )


def guard_before_the_batch() -> Services:
    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        return inventory.reserve(Stale(rows, Reservation), heard)

    return with_handler("inventory", events.OrderPlaced, reserve)


def key_not_kept() -> Services:
    def place(rows: Rows, heard: Heard[events.PlaceOrder]) -> Decision:
        return order.place(rows, heard)._replace(rows=())

    return with_handler("order", events.PlaceOrder, place)


def stock_not_checked() -> Services:
    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        made = inventory.reserve(rows, heard)
        guard = made.guard
        if not isinstance(guard, Reservation) or rows.get(Reservation, guard.order_id):
            return made
        taken = msgspec.structs.replace(guard, outcome=Held.RESERVED, short=())
        stock = [(rows.get(Stock, line.sku) or Stock(line.sku, 0, 0), line.quantity) for line in guard.lines]
        moved = tuple(Stock(s.sku, s.available - quantity, s.reserved + quantity) for s, quantity in stock)
        return Decision(taken, inventory.answer(taken), moved)

    return with_handler("inventory", events.OrderPlaced, reserve)


def lines_checked_one_by_one() -> Services:
    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        made = inventory.reserve(rows, heard)
        guard = made.guard
        if not isinstance(guard, Reservation) or rows.get(Reservation, guard.order_id):
            return made
        on_hand = {line.sku: rows.get(Stock, line.sku) or Stock(line.sku, 0, 0) for line in guard.lines}
        if any(on_hand[line.sku].available < line.quantity for line in heard.event.lines):
            return made
        taken = msgspec.structs.replace(guard, outcome=Held.RESERVED, short=())
        moved = tuple(
            Stock(s.sku, s.available - line.quantity, s.reserved + line.quantity)
            for line in guard.lines
            for s in (on_hand[line.sku],)
        )
        return Decision(taken, inventory.answer(taken), moved)

    return with_handler("inventory", events.OrderPlaced, reserve)


def stock_not_locked() -> Services:
    class Unlocked:
        def __init__(self, transaction: Transaction) -> None:
            self._transaction = transaction

        def ask(self, relation: Any, keys: Any, *, by: str = "", lock: bool = False) -> Any:
            return self._transaction.ask(relation, keys, by=by)

    def look(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
        return inventory_storage.load(Unlocked(transaction), batch)  # type: ignore[arg-type]  # all that load asks

    return {**SOUND, "inventory": replace(SOUND["inventory"], load=look)}


def receipt_not_locked() -> Services:
    def look(transaction: Transaction, batch: Sequence[Heard[Any]]) -> Rows:
        rows = inventory_storage.load(transaction, batch)
        goods = {h.event.sku for h in batch if isinstance(h.event, ReceiveStock)}
        rows.load(transaction.select(inventory_storage.STOCK, goods))
        return rows

    return {**SOUND, "inventory": replace(SOUND["inventory"], load=look)}


def everything_refused() -> Services:
    def reserve(rows: Rows, heard: Heard[events.OrderPlaced]) -> Decision:
        return inventory.reserve(Blind(rows, Stock), heard)  # type: ignore[arg-type]  # all that a handler asks

    return with_handler("inventory", events.OrderPlaced, reserve)


def released_in_word_only() -> Services:
    def release(rows: Rows, heard: Heard[events.PaymentFailed]) -> Decision:
        return Decision(inventory.release(rows, heard).guard)

    return with_handler("inventory", events.PaymentFailed, release)


def clock_in_the_answer() -> Services:
    def pay(rows: Rows, heard: Heard[events.OrderValidated]) -> Decision:
        made = payment.pay(Limit("10000.00"), rows, heard)
        assert isinstance(made.says, events.PaymentFailed | events.OrderPaid)
        if isinstance(made.says, events.OrderPaid):
            return made
        reason = events.Reason(code="limit_exceeded", detail=f"found at {heard.at}")
        return made._replace(says=msgspec.structs.replace(made.says, reason=reason))

    return with_handler("payment", events.OrderValidated, pay)


def clock_in_the_row() -> Services:
    def complete(rows: Rows, heard: Heard[events.OrderPaid]) -> Decision:
        made = order.complete(rows, heard)
        assert isinstance(made.guard, Outcome)
        return made._replace(guard=msgspec.structs.replace(made.guard, decided_at=heard.at))

    return with_handler("order", events.OrderPaid, complete)


def limit_reached_fails() -> Services:
    return with_handler(
        "payment", events.OrderValidated, lambda rows, heard: payment.pay(Limit("9999.99"), rows, heard)
    )


def limit_never_reached() -> Services:
    return with_handler("payment", events.OrderValidated, lambda rows, heard: payment.pay(Limit("10001"), rows, heard))


def unpaid_but_completed() -> Services:
    def fail_payment(rows: Rows, heard: Heard[events.PaymentFailed]) -> Decision:
        if known := rows.get(Outcome, heard.event.order_id):
            return Decision(known)
        return Decision(Outcome(heard.event.order_id, *heard.cause, heard.at, Status.COMPLETED))

    return with_handler("order", events.PaymentFailed, fail_payment)


def nobody_told() -> Services:
    def tell(rows: Rows, heard: Heard[events.OrderFailed]) -> Decision:
        known = rows.get(Notice, (heard.event.order_id, "failed"))
        return Decision(known or Notice(heard.event.order_id, *heard.cause, heard.at, "failed"))

    return with_handler("notification", events.OrderFailed, tell)


def never_the_same_failure() -> Services:
    numbers = count()

    def pay(rows: Rows, heard: Heard[events.OrderValidated]) -> Decision:
        raise RuntimeError(f"failure {next(numbers)}")

    return with_handler("payment", events.OrderValidated, pay)


def always_the_same_failure() -> Services:
    def complete(rows: Rows, heard: Heard[events.OrderPaid]) -> Decision:
        raise Poison("no")

    return with_handler("order", events.OrderPaid, complete)


def a_duplicate_fails() -> Services:
    def pay(rows: Rows, heard: Heard[events.OrderValidated]) -> Decision:
        if rows.get(Payment, heard.event.order_id):
            raise Poison("paid already")
        return payment.pay(Limit("10000.00"), rows, heard)

    return with_handler("payment", events.OrderValidated, pay)
