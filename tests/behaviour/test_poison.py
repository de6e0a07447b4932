"""What cannot be understood or decided is parked as it came, and the others of its batch go on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from uuid_utils import uuid7

from farandole.contract import events
from farandole.contract.invariants import findings
from farandole.messaging.dead_letters import record_of
from farandole.messaging.decision import Decision, Rows
from farandole.messaging.envelope import Cause, Event, Heard, Message, Said, digest, seal
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.service import Service
from farandole.monitor import facts as monitor_facts
from farandole.proof.ground.waiting import drive_until
from farandole.services.inventory.domain import Stock
from farandole.services.order.domain import Order
from tests.behaviour.house import House
from tests.behaviour.records import copy_of, header, with_headers

BROKEN: dict[str, tuple[Callable[[Message], Message], str]] = {
    "bytes that are no text": (lambda m: m._replace(value=b"\xff\xfe\x00"), "UTF-8"),
    "no JSON": (lambda m: m._replace(value=b"{"), "JSON"),
    "a missing field": (lambda m: m._replace(value=b"{}"), "order_id"),
    "deep nesting": (lambda m: m._replace(value=b"[" * 100_000), "JSON"),
    "an unknown type": (lambda m: with_headers(m, ce_type="order.imagined"), "order.imagined"),
    "another version of CloudEvents": (lambda m: with_headers(m, ce_specversion="0.3"), "0.3"),
    "no headers": (lambda m: m._replace(headers=()), "ce_specversion"),
    "an id that is none": (lambda m: with_headers(m, ce_id="seven"), "seven"),
    "a time that is none": (lambda m: with_headers(m, ce_time="yesterday"), "yesterday"),
    "another's key": (lambda m: m._replace(key=str(uuid7())), "key"),
    "300 KiB": (lambda m: m._replace(value=m.value[:-1] + b" " * 300 * 1024 + b"}"), "262144"),
    "a time no calendar has": (lambda m: with_headers(m, ce_time="9999-12-31T23:59:59-23:59"), "9999"),
    "a time before the first year": (lambda m: with_headers(m, ce_time="0001-01-01T00:00:00+23:59"), "0001"),
    "no UTF-8 where nobody looks": (lambda m: m._replace(value=m.value[:-1] + b',"x":"\xed\xa0\x80"}'), "UTF-8"),
    "U+0000 after a backslash": (lambda m: m._replace(value=m.value.replace(b'"ada"', b'"\\\\\\u0000"')), "U+0000"),
    "U+0000": (lambda m: m._replace(value=m.value.replace(b'"ada"', b'"a\\u0000a"')), "U+0000"),
}


def order_placed() -> Message:
    """An honest record that somebody else's order service said."""
    order = events.OrderPlaced(
        order_id=str(uuid7()),
        customer=events.Customer(id="ada"),
        currency="USD",
        total="10.00",
        lines=(events.Line(sku="tea", quantity=1, unit_price="10.00"),),
    )
    return seal(order, Said(str(uuid7()), "order", 1_767_268_800_000_000, None))


@pytest.fixture
def placed() -> Message:
    return order_placed()


def test_a_record_that_cannot_be_understood_is_parked_and_others_of_its_batch_go_on(house: House) -> None:
    house.receive(5)
    broken = {kind: damage(order_placed()) for kind, (damage, _) in BROKEN.items()}
    neighbour = house.place()
    house.say(*broken.values(), *(each._replace(key=str(uuid7())) for each in broken.values()))
    last = house.place()
    house.settle()

    assert (house.status(neighbour), house.status(last)) == ("COMPLETED", "COMPLETED")
    assert house.parked() == {"inventory": 2 * len(BROKEN), "monitor": 2 * len(BROKEN)}
    letters = {letter.record_key: letter for letter in house.dead("inventory")}
    topic = {(record.partition, record.offset): record for record in house.records("order.placed")}
    for kind, (_, found) in BROKEN.items():
        letter = letters[broken[kind].key.encode()]
        record = record_of(letter)
        assert (copy_of(record), kind) == (broken[kind], kind)
        assert (topic[record.partition, record.offset], kind) == (record, kind)
        assert found in letter.error, kind
        assert (letter.replayed_at, letter.outcome) == (None, None)


def test_a_backslash_before_u0000_is_text_and_the_order_dances(house: House) -> None:
    house.receive(5)
    wish = events.PlaceOrder(
        order_id=str(uuid7()),
        customer=events.Customer(id="a\\u0000"),
        currency="USD",
        lines=(events.Line(sku="tea", quantity=1, unit_price="10.00"),),
    )
    house.one("order").intake.submit(Heard(wish, Cause(wish.order_id, digest(wish)), house.clock()), wish.order_id)
    house.settle()
    assert house.status(wish.order_id) == "COMPLETED"
    house.sound()


@pytest.mark.parametrize(("currency", "total"), [("ZZZ", "10.00"), ("USD", "10.001"), ("USD", "9" * 18)])
def test_money_that_is_none_is_not_recorded_and_the_invariants_still_answer(
    house: House, placed: Message, currency: str, total: str
) -> None:
    order = msgspec.json.decode(placed.value, type=events.OrderPlaced)
    forged = placed._replace(value=msgspec.json.encode(msgspec.structs.replace(order, currency=currency, total=total)))
    house.say(forged)
    house.settle()
    assert forged.value in {letter.record_value for letter in house.dead("monitor")}
    an_hour_later = house.clock() + 3_600_000_000
    facts = house.read("monitor", lambda transaction: monitor_facts.facts(transaction, an_hour_later))
    assert {found.id for found in findings(facts) if found.violations is not None} > {"A5", "Q6", "T3"}


def test_an_event_of_an_unknown_order_is_parked_and_others_go_on(house: House) -> None:
    house.receive(5)
    paid = events.OrderPaid(order_id=str(uuid7()), currency="USD", amount="10.00")
    house.say(seal(paid, Said(str(uuid7()), "payment", 1_767_268_800_000_000, str(uuid7()))))
    order_id = house.place()
    house.settle()
    (letter,) = house.dead("order")
    assert paid.order_id in letter.error
    assert house.status(order_id) == "COMPLETED"


def test_a_release_without_a_reservation_is_parked(house: House) -> None:
    order_id = house.flows()["stock-failure"]
    (failed,) = house.records("order.failed", order_id)
    event = events.PaymentFailed(
        order_id=order_id,
        customer=events.Customer(id="ada"),
        currency="USD",
        amount="10.00",
        reason=events.Reason(code="limit_exceeded", detail="no"),
    )
    house.say(seal(event, Said(str(uuid7()), "payment", 1_767_268_800_000_000, header(failed, "ce_id"))))
    house.settle()
    assert house.parked() == {"inventory": 1, "order": 1}
    assert house.status(order_id) == "FAILED"


def test_a_record_parked_and_heard_again_is_parked_once(house: House, placed: Message) -> None:
    house.one("inventory").carrier.forgetting = True
    house.say(placed._replace(value=b"{"))
    house.drive(lambda: house.dead("inventory"))
    house.restart("inventory")
    house.settle()
    assert len(house.dead("inventory")) == 1


def test_a_bug_on_one_record_parks_only_that_one(house: House) -> None:
    house.receive(10)
    unlucky: list[str] = []
    house.restart("inventory", _with_bug(house.services["inventory"], unlucky))
    orders = [house.place() for _ in range(6)]
    unlucky.append(orders[2])
    house.settle()

    (letter,) = house.dead("inventory")
    assert "ZeroDivisionError" in letter.error
    assert letter.record_key == orders[2].encode()
    assert {order_id for order_id in orders if house.status(order_id) == "COMPLETED"} == {*orders} - {orders[2]}


def test_a_dead_letter_is_replayed_once_and_its_saga_goes_on(house: House) -> None:
    house.receive(10)
    unlucky: list[str] = []
    buggy = _with_bug(house.services["inventory"], unlucky)
    house.restart("inventory", buggy)
    unlucky.append(order_id := house.place())
    house.settle()
    (letter,) = house.dead("inventory")

    with pytest.raises(Poison, match="ZeroDivisionError"):
        house.replay("inventory", letter.id)
    assert house.dead("inventory") == [letter]

    house.restart("inventory")
    house.settle()
    assert "order.validated" in house.replay("inventory", letter.id)
    house.settle()
    assert house.status(order_id) == "COMPLETED"
    (replayed,) = house.dead("inventory")
    assert replayed.replayed_at is not None
    assert [f for f in house.findings() if f.violations != 0] == []

    with pytest.raises(Refused, match="already"):
        house.replay("inventory", letter.id)
    house.settle()
    assert len(house.records("order.validated", order_id)) == 1


def test_the_letters_of_a_record_and_of_its_copy_are_replayed_one_after_the_other(house: House) -> None:
    """Found by simulation: the second wrote the same outbox row again while the first was still to be published."""
    house.receive(10)
    unlucky: list[str] = []
    house.restart("inventory", _with_bug(house.services["inventory"], unlucky))
    unlucky.append(order_id := house.place())
    house.settle()
    house.say(copy_of(house.records("order.placed", order_id)[0]))
    house.settle()
    first, second = house.dead("inventory")

    house.restart("inventory")
    assert "order.validated" in house.replay("inventory", first.id)
    assert "order.validated" in house.replay("inventory", second.id)
    house.settle()
    assert house.status(order_id) == "COMPLETED"
    assert [f for f in house.findings() if f.violations != 0] == []


def test_an_unknown_dead_letter_is_not_replayed(house: House) -> None:
    with pytest.raises(KeyError):
        house.replay("inventory", str(uuid7()))


def test_a_row_the_database_refuses_is_bisected_out(house: House) -> None:
    house.receive(20)
    unfit: list[str] = []
    house.restart("inventory", _with_unfit_row(house.services["inventory"], unfit, _with_debt))
    orders = [house.place() for _ in range(9)]
    unfit.append(orders[4])
    house.settle()

    (letter,) = house.dead("inventory")
    assert letter.record_key == orders[4].encode()
    assert "the database refuses it" in letter.error
    assert {order_id for order_id in orders if house.status(order_id) == "COMPLETED"} == {*orders} - {orders[4]}
    assert house.stock().reserved == 8


def test_a_command_the_database_refuses_is_refused_and_its_neighbours_are_kept(house: House) -> None:
    house.receive(20)
    unfit: list[str] = []
    house.restart("order", _with_unfit_row(house.services["order"], unfit, _with_huge_total))
    orders = [house.place() for _ in range(5)]
    unfit.append(orders[1])
    house.settle()
    assert isinstance(house.replies[orders[1]], Refused)
    assert house.statuses().keys() == {*orders} - {orders[1]}
    house.sound()


def test_an_outage_parks_nothing_and_passes_by_itself(house: House) -> None:
    house.receive(9)
    for group in house.instances.values():
        group[0].database.away_for = 6
    orders = [house.place(), house.place(price="10000.01"), house.place(sku="nothing")]

    def turn() -> None:
        house.turn()
        house.clock.advance(5)

    drive_until(lambda: len(house.replies) == 4 and house.quiet, turn)
    assert [group[0].database.away_for for group in house.instances.values()] == [0] * len(house.instances)
    assert [house.status(order_id) for order_id in orders] == ["COMPLETED", "PAYMENT_FAILED", "FAILED"]
    house.sound()


def test_a_service_says_what_it_waits_for_until_it_works_again(house: House) -> None:
    house.receive(9)
    inventory = house.one("inventory")
    inventory.database.away_for = 10**6
    order_id = house.place()
    house.drive(lambda: inventory.consumer.trouble == "the database is away")
    assert (house.status(order_id), house.parked()) == ("PENDING", {})
    inventory.database.away_for = 0
    house.clock.advance(10)
    house.settle()
    assert inventory.consumer.trouble is None
    assert house.status(order_id) == "COMPLETED"


def test_a_failure_that_changes_is_an_outage_and_not_poison(house: House) -> None:
    house.receive(10)
    failures = iter(range(3))
    service = house.services["inventory"]
    honest = service.handlers[events.OrderPlaced]

    def moody(rows: Rows, heard: Heard[Any]) -> Decision:
        if (number := next(failures, None)) is not None:
            raise ValueError(f"mood {number}")
        return honest(rows, heard)

    house.restart("inventory", replace(service, handlers={**service.handlers, events.OrderPlaced: moody}))
    order_id = house.place()
    house.drive(lambda: next(iter(failures), None) is None and house.status(order_id) == "COMPLETED")
    house.settle()
    house.sound()


def _with_bug(service: Service, unlucky: list[str]) -> Service:
    def wrapped(handler: Callable[[Rows, Heard[Any]], Decision]) -> Callable[[Rows, Heard[Any]], Decision]:
        def decide(rows: Rows, heard: Heard[Any]) -> Decision:
            if heard.event.key in unlucky:
                raise ZeroDivisionError("a bug")
            return handler(rows, heard)

        return decide

    return _wrapped(service, wrapped)


def _with_unfit_row(service: Service, unfit: list[str], spoil: Callable[[Decision], Decision]) -> Service:
    def wrapped(handler: Callable[[Rows, Heard[Any]], Decision]) -> Callable[[Rows, Heard[Any]], Decision]:
        def decide(rows: Rows, heard: Heard[Any]) -> Decision:
            decision = handler(rows, heard)
            return spoil(decision) if heard.event.key in unfit else decision

        return decide

    return _wrapped(service, wrapped)


def _with_debt(decision: Decision) -> Decision:
    """The decision with stock that no check admits."""
    return decision._replace(rows=(*decision.rows, Stock("debt", -1, 0)))


def _with_huge_total(decision: Decision) -> Decision:
    """The decision with a number beyond 64 bits."""
    assert isinstance(decision.guard, Order)
    return decision._replace(guard=msgspec.structs.replace(decision.guard, total=2**70))


def _wrapped(service: Service, wrap: Callable[[Any], Any]) -> Service:
    handlers: dict[type[Event], Any] = {event: wrap(handler) for event, handler in service.handlers.items()}
    return replace(service, handlers=handlers)
