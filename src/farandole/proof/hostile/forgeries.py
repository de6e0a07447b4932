"""Well-formed events that no service of the house said: of orders nobody placed, and against orders that have ended.

A service believes what is well-formed and new to it; it contradicts what it knows better. The permissions of the topics keep
strangers out, not the handlers; here is written down what they could do.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import msgspec

from farandole.contract import events
from farandole.messaging.envelope import Event, Record, Said, seal
from farandole.proof.hostile.mutations import some_id
from farandole.proof.hostile.record import HEARERS, Hostile, Material, with_header

NOON: Final = 1_767_268_800_000_000
BAIT: Final = "bait"
"""A SKU on hand that only forged orders name."""
BELIEVED: Final = "well-formed and of an order that the hearer has not met in this step: believed"
KNOWN_BETTER: Final = "the order's own row says otherwise"
CUSTOMER: Final = events.Customer(id="stranger", email="stranger@example.com", phone="+14155550199")
REASON: Final = events.Reason(code="forged", detail="nobody said this")

Makes = Callable[[Random, Material], Hostile | None]
"""A forgery, or None when there is no order left to forge against."""


def _sealed(kind: str, event: Event, source: str, parks: set[str], draw: Random, about: str = "") -> Hostile:
    cause = None if source == "order" and event.topic == "order.placed" else some_id(draw)
    message = seal(event, Said(some_id(draw), source, NOON, cause))
    who = frozenset(parks)
    return Hostile(kind, message.topic, message.key.encode(), message.value, message.headers, who, BELIEVED, about)


def _placed(draw: Random, **changed: Any) -> events.OrderPlaced:
    line = events.Line(sku=draw.choice((BAIT, BAIT, "nothing")), quantity=draw.randrange(1, 4), unit_price="7.00")
    honest = events.OrderPlaced(
        order_id=some_id(draw),
        customer=CUSTOMER,
        currency="USD",
        total=draw.choice(("7.00", "10000.00", "10000.01")),
        lines=(line,),
    )
    return msgspec.structs.replace(honest, **changed)


def an_order(draw: Random, _: Material) -> Hostile:
    return _sealed("an order nobody placed", placed := _placed(draw), "order", set(), draw, about=placed.order_id)


def an_order_in_no_money(draw: Random, _: Material) -> Hostile:
    wrong = draw.choice(
        ({"currency": "ZZZ"}, {"total": "10.001"}, {"total": "9" * 18}, {"total": "1.", "currency": "JPY"})
    )
    placed = _placed(draw, **wrong)
    malformed = "total" in wrong and wrong["total"] == "1."
    parks = {"inventory", "monitor"} if malformed else {"monitor"}
    return _sealed("an order in no money", placed, "order", parks, draw, about=placed.order_id)


def a_validation(draw: Random, _: Material) -> Hostile:
    amount = draw.choice(("7.00", "10000.01"))
    event = events.OrderValidated(order_id=some_id(draw), customer=CUSTOMER, currency="USD", amount=amount)
    return _sealed("a validation of no order", event, "inventory", set(), draw, about=event.order_id)


def a_validation_in_no_money(draw: Random, _: Material) -> Hostile:
    wrong = draw.choice((("USD", "9" * 18), ("ZZZ", "1.00"), ("USD", "1.0001")))
    event = events.OrderValidated(order_id=some_id(draw), customer=CUSTOMER, currency=wrong[0], amount=wrong[1])
    return _sealed("a validation in no money", event, "inventory", {"payment", "monitor"}, draw, about=event.order_id)


def a_payment(draw: Random, _: Material) -> Hostile:
    event = events.OrderPaid(order_id=some_id(draw), currency="USD", amount="7.00")
    return _sealed("a payment of no order", event, "payment", {"order"}, draw, about=event.order_id)


def a_completion(draw: Random, _: Material) -> Hostile:
    event = events.OrderCompleted(order_id=some_id(draw), customer=CUSTOMER, currency="USD", total="7.00")
    return _sealed("a completion of no order", event, "order", set(), draw, about=event.order_id)


def a_payment_failure(draw: Random, _: Material) -> Hostile:
    event = _payment_failure(some_id(draw))
    return _sealed(
        "a payment failure of no order", event, "payment", {"order", "inventory"}, draw, about=event.order_id
    )


def _payment_failure(order_id: str) -> events.PaymentFailed:
    return events.PaymentFailed(order_id=order_id, customer=CUSTOMER, currency="USD", amount="7.00", reason=REASON)


def a_failure(draw: Random, _: Material) -> Hostile:
    event = events.OrderFailed(order_id=some_id(draw), customer=CUSTOMER, reason=REASON, short=())
    return _sealed("a failure of no order", event, "inventory", {"order"}, draw, about=event.order_id)


def a_step(draw: Random, _: Material) -> Hostile:
    real = events.StepTaken(
        order_id=some_id(draw), service="notification", step="Send failure notification", heard="order.failed"
    )
    if draw.random() < 0.5:
        return _sealed("a step of no order", real, "notification", set(), draw, about=real.order_id)
    imagined = msgspec.structs.replace(real, step=draw.choice(("", "Dance", "x" * 128)))
    return _sealed("a step of no choreography", imagined, "notification", {"monitor"}, draw, about=real.order_id)


def a_receipt(draw: Random, _: Material) -> Hostile:
    event = events.StockReceived(sku=BAIT, quantity=draw.randrange(1, 10**9), receipt_id=some_id(draw))
    return _sealed("a receipt of nothing", event, "inventory", set(), draw)


def another_cause(draw: Random, material: Material) -> Hostile:
    """The same event of an order that has ended, said to have happened for another reason."""
    honest = draw.choice(material.honest)
    headers = with_header(honest.headers, "ce_id", some_id(draw).encode())
    if header := dict(headers).get("ce_causationid"):
        headers = with_header(headers, "ce_causationid", some_id(draw).encode() if draw.random() < 0.5 else header)
    who = HEARERS[honest.topic]
    return Hostile("another cause", honest.topic, honest.key, honest.value, headers, who, KNOWN_BETTER)


def a_wrong_amount(draw: Random, material: Material) -> Hostile | None:
    paid = [record for record in material.honest if record.topic == "order.paid"]
    if not paid:
        return None
    order_id = (draw.choice(paid).key or b"").decode()
    amount = draw.choice(("0.01", "9999999.99"))
    event = events.OrderPaid(order_id=order_id, currency="USD", amount=amount)
    return _sealed("a wrong amount paid", event, "payment", {"order", "monitor"}, draw)


def a_payment_failure_after_completion(draw: Random, material: Material) -> Hostile | None:
    """The order service knows better; the inventory, which was told nothing of a payment, gives the stock back."""
    return _against(draw, material, "order.completed", "a payment failure after completion", _payment_failure)


def a_failure_after_completion(draw: Random, material: Material) -> Hostile | None:
    def failure(order_id: str) -> events.OrderFailed:
        return events.OrderFailed(order_id=order_id, customer=CUSTOMER, reason=REASON, short=(BAIT,))

    return _against(draw, material, "order.completed", "a failure after completion", failure)


def a_completion_after_failure(draw: Random, material: Material) -> Hostile | None:
    def completion(order_id: str) -> events.OrderCompleted:
        return events.OrderCompleted(order_id=order_id, customer=CUSTOMER, currency="USD", total="7.00")

    return _against(draw, material, "order.failed", "a completion after failure", completion)


def _against(
    draw: Random, material: Material, ended: str, kind: str, make: Callable[[str], events.OrderEvent]
) -> Hostile | None:
    """An event against an order that ended so, each order once."""
    orders = sorted(order_id for order_id, said in material.victims.items() if ended in said)
    if not orders:
        return None
    order_id = draw.choice(orders)
    del material.victims[order_id]
    event = make(order_id)
    source = {"payment.failed": "payment", "order.failed": "inventory", "order.completed": "order"}[event.topic]
    parks = {"order"} & HEARERS[event.topic]
    return _sealed(kind, event, source, parks, draw, about=order_id)


def victims_of(records: list[Record]) -> dict[str, dict[str, Record]]:
    """Records by order and topic."""
    found: dict[str, dict[str, Record]] = {}
    for record in records:
        found.setdefault((record.key or b"").decode(), {})[record.topic] = record
    return found


FORGERIES: Final[Mapping[Makes, int]] = {
    an_order: 40,
    an_order_in_no_money: 15,
    a_validation: 15,
    a_validation_in_no_money: 15,
    a_payment: 15,
    a_completion: 10,
    a_payment_failure: 10,
    a_failure: 10,
    a_step: 10,
    a_receipt: 5,
    another_cause: 60,
    a_wrong_amount: 15,
    a_payment_failure_after_completion: 2,
    a_failure_after_completion: 1,
    a_completion_after_failure: 1,
}
