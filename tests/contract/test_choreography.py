"""The table is the specification, the handlers are the table, and a table that contradicts itself is refused."""

from dataclasses import replace

import msgspec
import pytest

from farandole.contract import events
from farandole.contract.choreography import (
    CHOREOGRAPHY,
    FLOWS,
    HAPPY,
    BrokenChoreography,
    check,
    flow,
    flow_of,
    steps_of,
    topics,
)
from farandole.contract.choreography import Service as Name
from farandole.contract.diagram import flow_diagram
from farandole.messaging.batch import Verdict
from farandole.messaging.decision import Handler, Row
from farandole.messaging.envelope import Event, Message
from farandole.messaging.service import UnmatchedHandlers
from farandole.messaging.step import Step
from farandole.monitor.domain import Recorded
from farandole.monitor.timeline import expected, step_of
from farandole.services.inventory.domain import Release, Reservation, Stock
from farandole.services.notification.domain import Notice
from farandole.services.order.domain import Order, Outcome
from farandole.services.payment.domain import Payment
from tests.contract.dances import ALL, NOON, Kept, goods, heard, wish
from tests.contract.specification import blocks, words

CASES: dict[tuple[str, ...], tuple[str, int, type[Row], dict[str, object]]] = {
    # the row: the order that dances it, how much tea there is, the kind of guard, and what the guard says
    ("order", "Save order (PENDING)"): ("10.00", 1, Order, {"total": 1000}),
    ("inventory", "Reserve stock (RESERVED)"): ("10.00", 1, Reservation, {"outcome": "RESERVED"}),
    ("inventory", "Insufficient stock"): ("10.00", 0, Reservation, {"outcome": "REJECTED", "short": ("tea",)}),
    ("payment", "Process payment (COMPLETED)"): ("10000.00", 1, Payment, {"status": "COMPLETED", "reason_code": None}),
    ("payment", "Payment fails (amount > $10,000)"): (
        "10000.01",
        1,
        Payment,
        {"status": "FAILED", "reason_code": "limit_exceeded"},
    ),
    ("order", "Update order (COMPLETED)"): ("10.00", 1, Outcome, {"status": "COMPLETED", "reason_code": None}),
    ("notification", "Send notification (email/SMS)"): ("10.00", 1, Notice, {"kind": "completed"}),
    ("inventory", "Release stock (compensating transaction)"): ("10000.01", 1, Release, {}),
    ("order", "Update order (PAYMENT_FAILED)"): ("10000.01", 1, Outcome, {"status": "PAYMENT_FAILED"}),
    ("order", "Update order (FAILED)"): (
        "10.00",
        0,
        Outcome,
        {"status": "FAILED", "reason_code": "insufficient_stock"},
    ),
    ("notification", "Send failure notification", "payment.failed"): (
        "10000.01",
        1,
        Notice,
        {"kind": "payment_failed"},
    ),
    ("notification", "Send failure notification", "order.failed"): ("10.00", 0, Notice, {"kind": "failed"}),
}


def _case(step: Step) -> tuple[str, int, type[Row], dict[str, object]]:
    name = (str(step.service), step.words)
    return CASES.get(name) or CASES[*name, step.hears.topic]


def _dance(price: str, tea: int) -> list[tuple[Step, Verdict]]:
    """Every step of one order, each service hearing what others said until nobody says anything new."""
    kept = {str(name): Kept(ALL[name]) for name in Name}
    if tea:
        kept["inventory"].batch([goods("goods", "tea", tea)])
    (placed,) = kept["order"].batch([wish("order", price, [("tea", 1)])])
    assert isinstance(placed, Verdict)
    steps, waiting = [(CHOREOGRAPHY[0], placed)], [placed.message]
    while waiting:
        message = waiting.pop(0)
        for name, service in kept.items():
            if message is None or message.topic not in service.service.decoders:
                continue
            event = heard(service.service, message)
            (verdict,) = service.batch([event])
            assert isinstance(verdict, Verdict), verdict
            says = type(verdict.decision.says) if verdict.decision.says else None
            (step,) = [s for s in steps_of(name) if (s.hears, s.says) == (type(event.event), says)]
            steps.append((step, verdict))
            waiting.append(verdict.message)
    return steps


@pytest.mark.parametrize("step", CHOREOGRAPHY, ids=lambda step: f"{step.name} on {step.hears.__name__}")
def test_a_row_is_decided_as_the_table_says(step: Step) -> None:
    price, tea, kind, fields = _case(step)
    danced = _dance(price, tea)
    (verdict,) = [verdict for taken, verdict in danced if taken == step]
    guard, answer = verdict.decision.guard, verdict.decision.says
    assert isinstance(guard, kind)
    assert {name: getattr(guard, name) for name in fields} == fields
    assert guard.decided_at == NOON
    assert (type(answer) if answer else None) is step.says
    assert verdict.message is not None
    assert verdict.message.topic == (step.says or events.StepTaken).topic
    if step.says is None:
        left = msgspec.json.decode(verdict.message.value, type=events.StepTaken)
        assert (left.service, left.step, left.heard) == (step.service, step.words, step.hears.topic)


def test_what_is_reserved_is_taken_and_what_is_released_comes_back() -> None:
    stock = {
        step.words: verdict.decision.rows
        for price in ("10.00", "10000.01")
        for step, verdict in _dance(price, 1)
        if step.service == Name.INVENTORY
    }
    assert stock["Reserve stock (RESERVED)"] == (Stock("tea", 0, 1),)
    assert stock["Release stock (compensating transaction)"] == (Stock("tea", 1, 0),)


@pytest.mark.parametrize(("name", "price", "tea"), [
    ("happy", "10.00", 1), ("payment-failure", "10000.01", 1), ("stock-failure", "10.00", 0)
])  # fmt: skip
def test_an_order_dances_exactly_its_flow(name: str, price: str, tea: int) -> None:
    danced = [step for step, _ in _dance(price, tea)]
    assert len(danced) == len(set(danced))
    assert set(danced) == set(flow(name))


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_drawn_as_the_specification_draws_it(name: str) -> None:
    assert words(flow_diagram(name)) == words(blocks()[name])


def test_the_table_says_the_six_topics_of_the_specification() -> None:
    drawn = [line[-1] for block in blocks().values() for line in words(block) if "Publish" in line]
    assert set(topics()) == set(drawn)
    assert len(topics()) == 6


def test_every_step_belongs_to_a_flow() -> None:
    assert {step for name in FLOWS for step in flow(name)} == set(CHOREOGRAPHY)


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ([], HAPPY),
        (["order.placed", None], HAPPY),
        (["order.placed", "order.validated", "order.paid", "order.completed"], HAPPY),
        (["order.placed", "order.validated", "payment.failed"], "payment-failure"),
        (["order.failed"], "stock-failure"),
    ],
)
def test_a_flow_is_told_by_the_topics_seen(seen: list[str | None], name: str) -> None:
    assert flow_of(seen) == name


def _recorded(step: Step, number: int) -> Recorded:
    said = step.says.topic if step.says else None
    heard_on = step.hears.topic or None
    return Recorded("e", "d", "o", number, step.service, step.words, heard_on, said, NOON, None, NOON, "{}")


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_expected_shrinks_to_nothing_as_a_flow_is_danced(name: str) -> None:
    steps = flow(name)
    rows = [_recorded(step, number) for number, step in enumerate(steps, 1)]
    assert [step_of(row) for row in rows] == list(steps)
    assert expected(rows) == []
    assert expected(rows[:1]) == list(flow(HAPPY)[1:])
    for row in rows[1:]:
        assert step_of(row) in expected([other for other in rows if other is not row])


def test_the_table_as_it_is_passes() -> None:
    check()


def test_a_cyclic_table_is_refused() -> None:
    again = Step(Name.INVENTORY, events.OrderCompleted, "Reserve once more", events.OrderValidated)
    with pytest.raises(BrokenChoreography, match="cycle"):
        check([*CHOREOGRAPHY, again])


def test_a_step_that_answers_with_what_it_hears_is_refused() -> None:
    with pytest.raises(BrokenChoreography, match="cycle"):
        check([*CHOREOGRAPHY, Step(Name.ORDER, events.OrderCompleted, "Echo", events.OrderCompleted)])


def test_a_table_with_twins_is_refused() -> None:
    with pytest.raises(BrokenChoreography, match="twins"):
        check([*CHOREOGRAPHY, replace(CHOREOGRAPHY[1], words="Reserve otherwise")])


def test_an_event_that_two_services_say_is_refused() -> None:
    rival = Step(Name.NOTIFICATION, events.OrderValidated, "Pay as well", events.OrderPaid)
    with pytest.raises(BrokenChoreography, match=r"exactly one service to say order\.paid"):
        check([*CHOREOGRAPHY, rival])


def test_an_event_that_nobody_says_is_refused() -> None:
    with pytest.raises(BrokenChoreography, match=r"order\.validated"):
        check([step for step in CHOREOGRAPHY if step.says is not events.OrderValidated])


@pytest.mark.parametrize("name", Name)
def test_a_row_without_a_handler_is_refused(name: Name) -> None:
    service = ALL[name]
    for event in service.handlers:
        rest = {heard: handler for heard, handler in service.handlers.items() if heard is not event}
        with pytest.raises(UnmatchedHandlers, match=rf"rows without a handler: .*{event.__name__}"):
            replace(service, handlers=rest)


@pytest.mark.parametrize("name", Name)
def test_a_handler_without_a_row_is_refused(name: Name) -> None:
    service = ALL[name]
    more: dict[type[Event], Handler] = {**service.handlers, events.StockReceived: next(iter(service.handlers.values()))}
    with pytest.raises(UnmatchedHandlers, match=r"handlers without a row: .*StockReceived"):
        replace(service, handlers=more)


@pytest.mark.parametrize("name", Name)
def test_a_service_deaf_to_its_rows_is_refused(name: Name) -> None:
    service = ALL[name]
    first = next(iter(service.decoders))
    with pytest.raises(UnmatchedHandlers, match="subscribe"):
        replace(service, decoders={topic: d for topic, d in service.decoders.items() if topic != first})


def test_an_answer_outside_the_table_is_refused() -> None:
    service, payment = ALL["payment"], Kept(ALL["payment"])
    (verdict,) = [v for step, v in _dance("10.00", 1) if step.words == "Process payment (COMPLETED)"]
    stray = verdict.decision._replace(
        says=events.StepTaken(order_id=payment.service.name, service="", step="", heard="")
    )
    with pytest.raises(UnmatchedHandlers, match="StepTaken"):
        service.answer(events.OrderValidated, "key", stray)


def test_steps_that_answer_one_event_say_it_under_ids_of_their_own() -> None:
    messages: list[Message] = [v.message for _, v in _dance("10000.01", 1) if v.message]
    ids = [dict(message.headers)["ce_id"] for message in messages]
    assert len(ids) == len(set(ids)) == 6
