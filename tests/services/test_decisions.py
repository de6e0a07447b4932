"""Decisions at their edges: money that does not fit, lines that name one SKU, customers without an address."""

from typing import Any

import pytest

from farandole.contract import events
from farandole.messaging.batch import Verdict
from farandole.messaging.envelope import Cause, Event, Heard
from farandole.messaging.failure import Poison
from farandole.services.inventory.domain import Line, needed
from farandole.services.notification.domain import Message, Notice
from farandole.services.order.domain import Outcome, total
from farandole.services.payment.domain import Limit
from tests.contract.dances import ALL, NOON, Kept, some_id, wish

REASON = events.Reason(code="insufficient_stock", detail="not enough of tea")


def heard(event: Event) -> Heard[Any]:
    return Heard(event, Cause(some_id("cause"), "digest"), NOON)


@pytest.mark.parametrize(("amount", "currency"), [("9.99", "USD"), ("10.01", "USD"), ("10.00", "EUR"), ("0.00", "USD")])
def test_an_order_is_not_complete_until_exactly_its_price_is_paid(amount: str, currency: str) -> None:
    kept = Kept(ALL["order"])
    kept.batch([wish("a", "10.00")])
    (verdict,) = kept.batch([heard(events.OrderPaid(order_id=some_id("a"), currency=currency, amount=amount))])
    assert isinstance(verdict, Poison)
    assert "expected 10.00 USD" in str(verdict)
    assert kept.all(Outcome) == []
    (verdict,) = kept.batch([heard(events.OrderPaid(order_id=some_id("a"), currency="USD", amount="10.00"))])
    assert isinstance(verdict, Verdict)


@pytest.mark.parametrize(
    "event",
    [
        events.OrderFailed(order_id=some_id("a"), customer=events.Customer(id="ada"), reason=REASON, short=("tea",)),
        events.OrderPaid(order_id=some_id("a"), currency="USD", amount="10.00"),
        events.PaymentFailed(
            order_id=some_id("a"), customer=events.Customer(id="ada"), currency="USD", amount="10.00", reason=REASON
        ),
    ],
    ids=lambda event: str(event.topic),
)
def test_an_order_that_nobody_placed_does_not_end(event: Event) -> None:
    kept = Kept(ALL["order"])
    (verdict,) = kept.batch([heard(event)])
    assert isinstance(verdict, Poison)
    assert kept.all(Outcome) == []


@pytest.mark.parametrize("first", [events.OrderPaid, events.PaymentFailed, events.OrderFailed])
@pytest.mark.parametrize("second", [events.OrderPaid, events.PaymentFailed, events.OrderFailed])
def test_an_order_that_ended_does_not_end_otherwise(first: type[Event], second: type[Event]) -> None:
    order, customer = some_id("a"), events.Customer(id="ada")
    ends: dict[type[Event], Event] = {
        events.OrderPaid: events.OrderPaid(order_id=order, currency="USD", amount="10.00"),
        events.PaymentFailed: events.PaymentFailed(
            order_id=order, customer=customer, currency="USD", amount="10.00", reason=REASON
        ),
        events.OrderFailed: events.OrderFailed(order_id=order, customer=customer, reason=REASON, short=("tea",)),
    }
    kept = Kept(ALL["order"])
    kept.batch([wish("a", "10.00"), heard(ends[first])])
    before = dict(kept.rows)
    (verdict,) = kept.batch([Heard(ends[second], Cause(some_id(second), "digest"), NOON + 1)])
    assert isinstance(verdict, Poison)
    assert kept.rows == before


@pytest.mark.parametrize(
    ("currency", "most", "amount", "fails"),
    [
        ("USD", "10000.00", 1_000_000, False),
        ("USD", "10000.00", 1_000_001, True),
        ("USD", "10000", 1_000_001, True),
        ("JPY", "10000.00", 10_000, False),
        ("JPY", "10000.00", 10_001, True),
        ("JPY", "10000.50", 10_000, False),
        ("JPY", "10000.50", 10_001, True),
        ("KWD", "10000.00", 10_000_000, False),
        ("KWD", "10000.00", 10_000_001, True),
        ("USD", "900719925474099.90", 90_071_992_547_409_990, False),
        ("USD", "900719925474099.90", 90_071_992_547_409_991, True),
    ],
)
def test_more_than_the_limit_fails_in_every_currency(currency: str, most: str, amount: int, fails: bool) -> None:
    assert (Limit(most).decline("order", amount, currency) is not None) == fails


@pytest.mark.parametrize(
    ("prices", "currency", "units"),
    [
        ([("0.29", 3)], "USD", 87),
        ([("0.57", 100), ("1.15", 1)], "USD", 5815),
        ([("4.35", 100)], "USD", 43_500),
        ([("19.99", 2), ("0.01", 1)], "USD", 3999),
        ([("500", 2)], "JPY", 1000),
        ([("1.001", 3)], "KWD", 3003),
    ],
)
def test_a_total_is_exact(prices: list[tuple[str, int]], currency: str, units: int) -> None:
    lines = tuple(events.Line(sku="tea", quantity=quantity, unit_price=price) for price, quantity in prices)
    assert total(lines, currency) == units


def test_lines_that_name_one_sku_are_needed_together() -> None:
    lines = [Line(sku=sku, quantity=quantity) for sku, quantity in (("tea", 2), ("milk", 1), ("tea", 3))]
    assert needed(lines) == (Line(sku="milk", quantity=1), Line(sku="tea", quantity=5))


@pytest.mark.parametrize("email", [None, "ada@example.com"])
@pytest.mark.parametrize("phone", [None, "+14155550123"])
def test_a_notice_is_written_whoever_can_be_told(email: str | None, phone: str | None) -> None:
    customer = events.Customer(id="ada", email=email, phone=phone)
    done = events.OrderCompleted(order_id=some_id("a"), customer=customer, currency="USD", total="10.00")
    failed = events.OrderFailed(order_id=some_id("b"), customer=customer, reason=REASON, short=("tea",))
    kept = Kept(ALL["notification"])
    verdicts = kept.batch([heard(done), heard(failed)])
    assert all(isinstance(verdict, Verdict) for verdict in verdicts)
    assert len(kept.all(Notice)) == 2
    addresses = {address for address in (email, phone) if address}
    assert sorted(message.recipient for message in kept.all(Message)) == sorted(2 * list(addresses))
