"""A record heard again is answered again with the same bytes; the same order with another cause is not answered at all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from uuid_utils import uuid7

from farandole.messaging.batch import Verdict, judge
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import Heard, Message, Record, unseal
from farandole.messaging.failure import Poison, Refused
from farandole.messaging.service import Again, Service
from farandole.monitor.storage import RECEIVED, RECORDED
from farandole.proof.ground.cluster import SAGA
from farandole.runtime.republish import SAYING
from farandole.runtime.wiring import TOPICS
from tests.behaviour.house import House
from tests.behaviour.records import copy_of, header, with_headers


def test_a_record_heard_again_is_answered_again_with_the_same_bytes(house: House) -> None:
    orders = house.flows()
    first = {topic: [copy_of(record) for record in house.records(topic)] for topic in TOPICS}
    rows = _rows(house)

    house.say_again(*(r for order_id in orders.values() for r in house.records("order.placed", order_id)))
    house.settle()

    for topic, messages in first.items():
        copies = Counter(copy_of(record) for record in house.records(topic))
        assert copies.keys() == set(messages)
        answered = {message: 2 for message in messages if message.key in orders.values()}
        assert {message: copies[message] for message in answered} == answered
    assert _rows(house) == rows
    house.sound()


def test_a_record_heard_again_after_its_stock_was_released_reserves_nothing(house: House) -> None:
    house.receive(5)
    order_id = house.place(price="10000.01", quantity=2)
    house.settle()
    (answer,) = house.records("order.validated", order_id)

    house.say_again(*house.records("order.placed", order_id))
    house.settle()

    assert [copy_of(r) for r in house.records("order.validated", order_id)] == [copy_of(answer)] * 2
    assert (house.stock().available, house.stock().reserved) == (5, 0)
    house.sound()


def test_a_failure_heard_again_gives_stock_back_once(house: House) -> None:
    house.receive(5)
    order_id = house.place(price="10000.01", quantity=2)
    house.settle()
    house.say_again(*house.records("payment.failed", order_id) * 3)
    house.settle()
    assert (house.stock().available, house.stock().reserved) == (5, 0)
    house.sound()


def test_everything_heard_again_changes_nothing(house: House) -> None:
    house.flows()
    rows = _rows(house)
    said = {copy_of(record) for record in house.everything()}
    house.say_again(*house.everything())
    house.settle()
    assert _rows(house) == rows
    assert {copy_of(record) for record in house.everything()} == said
    house.sound()


def test_the_monitor_counts_what_is_said_again(house: House) -> None:
    house.flows()
    assert {row.repeats for row in house.rows("monitor", RECORDED)} == {None}
    house.say_again(*house.everything()[::2])
    house.settle()
    records = Counter(header(record, "ce_id") for record in house.everything())
    assert {row.event_id: 1 + (row.repeats or 0) for row in house.rows("monitor", RECORDED)} == {
        row.event_id: records[row.event_id] for row in house.rows("monitor", RECORDED)
    }


def test_the_monitor_knows_when_the_transport_took_a_record(house: House) -> None:
    house.flows()
    landed = {header(record, "ce_id"): record.at for record in house.everything()}
    assert all(row.landed_at == landed[row.event_id] for row in house.rows("monitor", RECORDED))


def test_a_duplicate_within_one_batch_is_answered_once_with_the_same_bytes(house: House) -> None:
    house.receive(5)
    order_id = house.place()
    house.drive(lambda: order_id in house.replies)
    house.settle()
    before = len(house.records("order.validated"))
    house.restart("inventory")
    house.say_again(*house.records("order.placed", order_id) * 4)
    house.settle()
    copies = [copy_of(record) for record in house.records("order.validated")]
    assert before < len(copies) <= before + 4
    assert len(set(copies)) == 1


HEARERS = {
    "order.placed": ["inventory"],
    "order.validated": ["payment"],
    "order.paid": ["order"],
    "order.completed": ["notification"],
    "payment.failed": ["inventory", "order", "notification"],
    "order.failed": ["order", "notification"],
}


def test_the_same_order_with_another_cause_is_parked_and_nothing_is_said(house: House) -> None:
    orders = house.flows()
    before = _said(house)
    records = {topic: _first(house, topic, orders.values()) for topic in HEARERS}
    others = {topic: with_headers(copy_of(record), ce_id=str(uuid7())) for topic, record in records.items()}

    house.say(*others.values())
    house.settle()

    for name in SAGA:
        heard = [topic for topic, names in HEARERS.items() if name in names]
        dead = house.dead(name)
        assert sorted(letter.topic for letter in dead) == sorted(heard)
        letters = {letter.topic: letter for letter in dead}
        for topic in heard:
            assert str(header(others[topic], "ce_id")) in letters[topic].error
            assert letters[topic].record_value == records[topic].value
    assert _said(house) == before + Counter(others.values())
    assert not any(f.violations for f in house.findings() if f.id not in ("T1", "T2", "T3"))


def _first(house: House, topic: str, orders: Iterable[str]) -> Record:
    return next(record for order_id in orders for record in house.records(topic, order_id))


def test_an_event_id_with_other_content_is_parked_by_everybody_who_knew_it(house: House) -> None:
    order_id = house.flows()["happy"]
    (record,) = house.records("order.validated", order_id)
    said = copy_of(record)
    house.say(said._replace(value=said.value.replace(b'"10.00"', b'"10.01"')))
    house.settle()
    assert house.parked() == {"payment": 1, "monitor": 1}
    assert len(house.records("order.paid", order_id)) == 1


def test_every_answer_is_rendered_from_its_row_with_the_bytes_first_said(house: House) -> None:
    orders = house.flows()
    said = {message for record in house.everything() if (message := copy_of(record)).key in orders.values()}
    rendered: list[Message] = []
    for name, (_, again) in SAYING.items():
        answers = house.read(name, partial(_answers, again, list(orders.values())))
        messages = [house.services[name].answer(*answer) for answer in answers]
        rendered += [message for message in messages if message]
    assert len(rendered) == len(set(rendered))
    assert set(rendered) == said


def test_a_decision_found_in_the_rows_says_what_the_first_one_said(house: House) -> None:
    """Each service decides each record again in a batch of its own, on the rows as its database gave them."""
    orders = house.flows()
    for name in SAGA:
        service = house.services[name]
        for record in [r for topic in service.topics for r in house.records(topic)]:
            heard = unseal(record, service.decoders[record.topic], house.clock())
            verdict = house.read(name, partial(_judged, service, heard))
            assert isinstance(verdict, Verdict)
            assert verdict.message is not None
            assert not verdict.new
            assert verdict.message in [
                copy_of(found) for found in house.records(verdict.message.topic) if _caused_by(found, record)
            ]
    assert len(orders) == 3


def _answers(again: Callable[..., Iterator[Again]], ids: list[str], transaction: Transaction) -> list[Again]:
    return list(again(transaction, ids))


def _judged(service: Service, heard: Heard[Any], transaction: Transaction) -> Verdict | Poison | Refused:
    return judge(service, service.load(transaction, [heard]), heard)


def _caused_by(effect: Record, cause: Record) -> bool:
    return header(effect, "ce_causationid") == header(cause, "ce_id")


def _rows(house: House) -> dict[str, list[object]]:
    """Every row of every service and of the monitor, the kernel's apart; the monitor counts what is said again."""
    relations = {name: house.services[name].relations for name in SAGA}
    rows: dict[str, list[object]] = {f"{name}.{r.name}": house.rows(name, r) for name in SAGA for r in relations[name]}
    rows["recorded"] = [msgspec.structs.replace(row, repeats=None) for row in house.rows("monitor", RECORDED)]
    return rows | {"received": house.rows("monitor", RECEIVED)}


def _said(house: House) -> Counter[Message]:
    return Counter(map(copy_of, house.everything()))
