"""A3: a status moves onward once, and what was decided stays as it was."""

from dataclasses import replace

import pytest

from farandole.contract.facts import Facts, OrderFact, PaymentFact, ReservationFact
from farandole.contract.transitions import transition

TEA = (("tea", 2),)
STATUSES = ("PENDING", "COMPLETED", "PAYMENT_FAILED", "FAILED")
HOLDS = ("RESERVED", "RELEASED", "REJECTED")
PAYMENTS = ("COMPLETED", "FAILED")


def order(status: str) -> Facts:
    return Facts(orders=[OrderFact("one", status, "USD", 1000, 1000, TEA, 2)])


def reservation(status: str) -> Facts:
    return Facts(reservations=[ReservationFact("one", status, TEA)])


def payment(status: str) -> Facts:
    return Facts(payments=[PaymentFact("one", status, "USD", 1000)])


ALLOWED = [
    *((order("PENDING"), order(status)) for status in STATUSES[1:]),
    (reservation("RESERVED"), reservation("RELEASED")),
    *(
        (make(status), make(status))
        for make, of in ((order, STATUSES), (reservation, HOLDS), (payment, PAYMENTS))
        for status in of
    ),
    (Facts(orders=[], reservations=[], payments=[]), order("FAILED") | reservation("REJECTED") | payment("FAILED")),
]
FORBIDDEN = [
    *((order(a), order(b)) for a in STATUSES[1:] for b in STATUSES if a != b),
    *((reservation(a), reservation(b)) for a in HOLDS for b in HOLDS if a != b and (a, b) != ("RESERVED", "RELEASED")),
    *((payment(a), payment(b)) for a in PAYMENTS for b in PAYMENTS if a != b),
    (order("PENDING"), Facts(orders=[])),
    (reservation("REJECTED"), Facts(reservations=[])),
    (payment("FAILED"), Facts(payments=[])),
    (order("PENDING"), Facts(orders=[OrderFact("one", "COMPLETED", "USD", 999, 1000, TEA, 2)])),
    (reservation("RESERVED"), Facts(reservations=[ReservationFact("one", "RESERVED", (("tea", 3),))])),
    (payment("COMPLETED"), Facts(payments=[PaymentFact("one", "COMPLETED", "EUR", 1000)])),
]


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_a_status_moves_onward(before: Facts, after: Facts) -> None:
    assert transition(before, after).violations == 0


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_whatever_else_moves_is_a_violation(before: Facts, after: Facts) -> None:
    found = transition(before, after)
    assert found.id == "A3"
    assert found.violations == 1
    assert found.examples[0].startswith("one: ")


def test_what_is_not_seen_twice_is_not_observed() -> None:
    assert transition(Facts(), order("PENDING")).violations is None
    assert transition(order("PENDING"), payment("FAILED")).violations is None


def test_every_violation_is_counted_and_five_are_shown() -> None:
    many = Facts(orders=[OrderFact(str(n), "FAILED", "USD", 1, 1, (), 0) for n in range(12)])
    found = transition(many, replace(many, orders=[]))
    assert (found.violations, len(found.examples)) == (12, 5)
