"""Each invariant catches what breaks it and says nothing of what does not."""

from dataclasses import replace
from typing import Any

import pytest

from farandole.contract.facts import (
    Facts,
    MessageFact,
    NoticeFact,
    OrderFact,
    PaymentFact,
    ReceiptFact,
    RecordFact,
    ReservationFact,
    StockFact,
)
from farandole.contract.invariants import INVARIANTS, Invariant, findings

TEA = (("tea", 2),)
DONE = OrderFact("done", "COMPLETED", "USD", 1000, 1000, TEA, 2)
UNPAID = OrderFact("unpaid", "PAYMENT_FAILED", "USD", 2000, 2000, TEA, 1)
SHORT = OrderFact("short", "FAILED", "USD", 500, 500, (("nothing", 1),), 0)


def _record(topic: str, order_id: str, cause: str | None) -> RecordFact:
    return RecordFact(topic, order_id, f"{order_id}/{topic}", f"{order_id}/{cause}" if cause else None, "bytes")


CLEAN = Facts(
    orders=[DONE, UNPAID, SHORT],
    stock=[StockFact("tea", 8, 2), StockFact("milk", 5, 0)],
    receipts=[ReceiptFact("tea", 4), ReceiptFact("tea", 6), ReceiptFact("milk", 5)],
    reservations=[
        ReservationFact("done", "RESERVED", TEA),
        ReservationFact("unpaid", "RELEASED", TEA),
        ReservationFact("short", "REJECTED", (("nothing", 1),)),
    ],
    payments=[PaymentFact("done", "COMPLETED", "USD", 1000), PaymentFact("unpaid", "FAILED", "USD", 2000)],
    notices=[NoticeFact("done", "completed"), NoticeFact("unpaid", "payment_failed"), NoticeFact("short", "failed")],
    messages=[
        MessageFact("done", "completed", "email"),
        MessageFact("done", "completed", "sms"),
        MessageFact("unpaid", "payment_failed", "email"),
    ],
    records=[
        _record("order.placed", "done", None),
        _record("order.validated", "done", "order.placed"),
        _record("order.paid", "done", "order.validated"),
        _record("order.completed", "done", "order.paid"),
        _record("order.completed", "done", "order.paid"),
        _record("order.placed", "unpaid", None),
        _record("order.validated", "unpaid", "order.placed"),
        _record("payment.failed", "unpaid", "order.validated"),
        _record("order.placed", "short", None),
        _record("order.failed", "short", "order.placed"),
    ],
    acknowledged=["done", "unpaid", "short"],
)
ORDERS, RECORDS = [DONE, UNPAID, SHORT], list(CLEAN.records or ())
RESERVATIONS, PAYMENTS = list(CLEAN.reservations or ()), list(CLEAN.payments or ())
NOTICES, MESSAGES = list(CLEAN.notices or ()), list(CLEAN.messages or ())

BROKEN = {
    "A1 more than came in": ("A1", replace(CLEAN, stock=[StockFact("tea", 9, 2), StockFact("milk", 5, 0)])),
    "A1 less than came in": ("A1", replace(CLEAN, stock=[StockFact("tea", 7, 2), StockFact("milk", 5, 0)])),
    "A1 negative available": ("A1", replace(CLEAN, stock=[StockFact("tea", -1, 11), StockFact("milk", 5, 0)])),
    "A1 negative reserved": ("A1", replace(CLEAN, stock=[StockFact("tea", 11, -1), StockFact("milk", 5, 0)])),
    "A1 received, no stock": ("A1", replace(CLEAN, stock=[StockFact("tea", 8, 2)])),
    "A2 reserved for nobody": ("A2", replace(CLEAN, stock=[StockFact("tea", 7, 3), StockFact("milk", 5, 0)])),
    "A2 held, not reserved": ("A2", replace(CLEAN, stock=[StockFact("tea", 10, 0), StockFact("milk", 5, 0)])),
    "A2 held of no SKU": ("A2", replace(CLEAN, stock=[StockFact("milk", 5, 0)])),
    "A4r": ("A4r", replace(CLEAN, reservations=[*RESERVATIONS, RESERVATIONS[0]])),
    "A4p": ("A4p", replace(CLEAN, payments=[*PAYMENTS, PAYMENTS[0]])),
    "A4n notices": ("A4n", replace(CLEAN, notices=[*NOTICES, NOTICES[0]])),
    "A4n messages": ("A4n", replace(CLEAN, messages=[*MESSAGES, MESSAGES[0]])),
    "A5": ("A5", replace(CLEAN, orders=[DONE._replace(sum=999), UNPAID, SHORT])),
    "Q1": ("Q1", replace(CLEAN, orders=[DONE._replace(status="PENDING"), UNPAID, SHORT])),
    "Q1a": ("Q1a", replace(CLEAN, acknowledged=["done", "lost"])),
    "Q2 not paid": ("Q2", replace(CLEAN, payments=PAYMENTS[1:])),
    "Q2 another amount": ("Q2", replace(CLEAN, payments=[PAYMENTS[0]._replace(amount=999), PAYMENTS[1]])),
    "Q2 another currency": ("Q2", replace(CLEAN, payments=[PAYMENTS[0]._replace(currency="EUR"), PAYMENTS[1]])),
    "Q2 not told": ("Q2", replace(CLEAN, notices=NOTICES[1:])),
    "Q2 told otherwise": ("Q2", replace(CLEAN, notices=[NoticeFact("done", "failed"), *NOTICES[1:]])),
    "Q2 not reserved": ("Q2", replace(CLEAN, reservations=RESERVATIONS[1:])),
    "Q2 released": (
        "Q2",
        replace(CLEAN, reservations=[RESERVATIONS[0]._replace(status="RELEASED"), *RESERVATIONS[1:]]),
    ),
    "Q3 not released": (
        "Q3",
        replace(CLEAN, reservations=[RESERVATIONS[0], RESERVATIONS[1]._replace(status="RESERVED"), RESERVATIONS[2]]),
    ),
    "Q3 paid": ("Q3", replace(CLEAN, payments=[PAYMENTS[0], PAYMENTS[1]._replace(status="COMPLETED")])),
    "Q3 no payment": ("Q3", replace(CLEAN, payments=PAYMENTS[:1])),
    "Q3 not told": ("Q3", replace(CLEAN, notices=[NOTICES[0], NOTICES[2]])),
    "Q4 paid": ("Q4", replace(CLEAN, payments=[*PAYMENTS, PaymentFact("short", "COMPLETED", "USD", 500)])),
    "Q4 reserved": ("Q4", replace(CLEAN, reservations=[*RESERVATIONS[:2], ReservationFact("short", "RESERVED", ())])),
    "Q4 not told": ("Q4", replace(CLEAN, notices=NOTICES[:2])),
    "Q4m one missing": ("Q4m", replace(CLEAN, messages=MESSAGES[1:])),
    "Q4m one too many": ("Q4m", replace(CLEAN, messages=[*MESSAGES, MessageFact("short", "failed", "email")])),
    "Q5 oversold": ("Q5", replace(CLEAN, receipts=[ReceiptFact("tea", 1), ReceiptFact("milk", 5)])),
    "Q5 reservation of nobody": (
        "Q5",
        replace(CLEAN, reservations=[*RESERVATIONS, ReservationFact("x", "REJECTED", ())]),
    ),
    "Q5 payment of nobody": ("Q5", replace(CLEAN, payments=[*PAYMENTS, PaymentFact("x", "FAILED", "USD", 1)])),
    "Q5 notice of nobody": ("Q5", replace(CLEAN, notices=[*NOTICES, NoticeFact("x", "failed")])),
    "Q6 too little": ("Q6", replace(CLEAN, payments=PAYMENTS[1:])),
    "Q6 too much": ("Q6", replace(CLEAN, payments=[*PAYMENTS, PaymentFact("x", "COMPLETED", "EUR", 1)])),
    "T1 no beginning": ("T1", replace(CLEAN, records=RECORDS[1:])),
    "T1 no completion": ("T1", replace(CLEAN, records=[r for r in RECORDS if r.topic != "order.completed"])),
    "T1 no failure": ("T1", replace(CLEAN, records=RECORDS[:-1])),
    "T1 no validation": ("T1", replace(CLEAN, records=[r for r in RECORDS if r.topic != "order.validated"])),
    "T1 no payment": ("T1", replace(CLEAN, records=[r for r in RECORDS if r.topic != "order.paid"])),
    "T1 no payment failure": ("T1", replace(CLEAN, records=[r for r in RECORDS if r.topic != "payment.failed"])),
    "T1r an order nobody placed": ("T1r", replace(CLEAN, records=[*RECORDS, _record("order.placed", "x", None)])),
    "T1r paid by nobody": ("T1r", replace(CLEAN, payments=PAYMENTS[1:])),
    "T1r failed by nobody": ("T1r", replace(CLEAN, payments=PAYMENTS[:1])),
    "T1r held by nobody": ("T1r", replace(CLEAN, reservations=RESERVATIONS[1:])),
    "T1r rejected by nobody": ("T1r", replace(CLEAN, reservations=RESERVATIONS[:2])),
    "T1r completed by nobody": ("T1r", replace(CLEAN, orders=[DONE._replace(status="PENDING"), UNPAID, SHORT])),
    "T2": ("T2", replace(CLEAN, records=[*RECORDS, RECORDS[0]._replace(fingerprint="other")])),
    "T3 no cause": ("T3", replace(CLEAN, records=[r for r in RECORDS if r.topic != "order.validated"])),
    "T3 paid and failed": (
        "T3",
        replace(CLEAN, records=[*RECORDS, _record("payment.failed", "done", "order.validated")]),
    ),
    "T3 validated and failed": (
        "T3",
        replace(CLEAN, records=[*RECORDS, _record("order.failed", "done", "order.placed")]),
    ),
}


def test_sound_facts_violate_nothing() -> None:
    assert [(f.id, f.violations, f.examples) for f in findings(CLEAN) if f.violations != 0] == []


def test_nothing_at_all_violates_nothing() -> None:
    empty = Facts([], [], [], [], [], [], [], [], [])
    assert {f.violations for f in findings(empty)} == {0}


@pytest.mark.parametrize("name", BROKEN)
def test_a_violation_is_caught(name: str) -> None:
    invariant, facts = BROKEN[name]
    found = {finding.id: finding for finding in findings(facts)}[invariant]
    assert found.violations
    assert len(found.examples) == min(found.violations, 5)


def test_every_invariant_is_broken_here() -> None:
    assert {invariant for invariant, _ in BROKEN.values()} == {invariant.id for invariant in INVARIANTS}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.id)
def test_an_invariant_is_not_observed_without_its_facts(invariant: Invariant) -> None:
    for name in invariant.needs:
        found = {finding.id: finding for finding in findings(_without(name))}[invariant.id]
        assert found.violations is None


def test_every_violation_is_counted_and_five_are_shown() -> None:
    pending = [OrderFact(str(number), "PENDING", "USD", 1, 1, (), 0) for number in range(12)]
    found = {finding.id: finding for finding in findings(Facts(orders=pending))}["Q1"]
    assert (found.violations, len(found.examples)) == (12, 5)


def test_two_observations_complete_each_other_and_the_first_wins() -> None:
    both = Facts(orders=[DONE]) | Facts(orders=[], payments=PAYMENTS)
    assert (both.orders, both.payments, both.stock) == ([DONE], PAYMENTS, None)


def _without(name: str) -> Facts:
    nothing: dict[str, Any] = {name: None}
    return replace(CLEAN, **nothing)
