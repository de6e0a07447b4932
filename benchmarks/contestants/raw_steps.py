"""What an order's steps move: Farandole's own handlers decide one order of each cart, with marks where orders differ.

A mark filled in gives another order's record or row, byte by byte as large as Farandole's, without deciding anything.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.contestant import PAYMENT_LIMIT, STOCK, lines
from farandole.contract import events
from farandole.messaging.database import Relation
from farandole.messaging.decision import Decision, Row, Rows
from farandole.messaging.envelope import Cause, Event, Heard, Message, digest
from farandole.messaging.kernel_tables import KERNEL
from farandole.messaging.relay import outbox_row
from farandole.messaging.service import Service
from farandole.runtime.settings import load
from farandole.runtime.wiring import STORAGES, services
from farandole.services.inventory.domain import Stock

SERVICES: Final = ("order", "inventory", "payment", "notification")
OUTBOX: Final = KERNEL.outbox.name
"""Units that come in of every SKU but the scarce one."""
AT: Final = 1_767_225_600_123_456
INSTANCE: Final = "order-some-machine-12345-0123abcd"

ORDER: Final = "0f1e2d3c-4b5a-7687-8695-a4b3c2d1e0f0"
NUMBER: Final = "<number>"
DIFFERENT: Final = frozenset({"ce_id", "ce_subject", "ce_causationid"})
"""The headers that differ from record to record."""


class Text(NamedTuple):
    """Bytes with gaps: `template % pick(facts)`; facts are the order's id, its number, and the ids of cause and answer."""

    template: bytes
    pick: Callable[[tuple[bytes, ...]], Any]


class Step(NamedTuple):
    """A record heard (`""`: an order comes in), rows by table, units by SKU that are reserved, and the record said."""

    service: str
    hears: str
    says: str
    value: Text
    headers: list[tuple[str, bytes]]
    rows: dict[str, Text]
    moves: dict[str, int]


Render = Callable[[Relation[Any], Row], bytes]


def copied(relation: Relation[Any], row: Row) -> bytes:
    """A line of COPY; nothing here needs an escape."""
    return b"\t".join(rb"\N" if value is None else str(value).encode() for value in relation.values(row)) + b"\n"


def as_json(relation: Relation[Any], row: Row) -> bytes:
    """An object of json_to_recordset; documents and records stand in it as they are."""
    named = zip(relation.columns, relation.values(row), strict=True)
    return msgspec.json.encode({name: _nested(value) for name, value in named})


def _nested(value: Any) -> Any:
    document = isinstance(value, bytes) or (isinstance(value, str) and value[:1] in ("{", "["))
    return msgspec.Raw(value) if document else value


def relations(service: str) -> dict[str, Relation[Any]]:
    """Every table of a service that a saga writes, by name."""
    return {relation.name: relation for relation in (*STORAGES[service].RELATIONS, KERNEL.outbox)}


def steps(cart: int, render: Render, *, outbox: bool = False) -> Iterator[Step]:
    """The steps of every order whose number ends so, causes first; `outbox`: each writes an outbox row too."""
    stored = {name: Rows() for name in SERVICES}
    stored["inventory"].load(Stock(sku, STOCK[sku], 0) for sku, *_ in lines(cart))
    due = [_heard(_wish(cart), ORDER)]
    for heard in due:
        for service in (_services()[name] for name in SERVICES):
            if type(heard.event) in service.handlers:
                taken = _taken(service, stored[service.name], heard)
                yield _step(taken, render, outbox=outbox)
                if taken.decision.says:
                    due.append(_heard(taken.decision.says, taken.id))


class _Taken(NamedTuple):
    """A step that one order took."""

    service: Service
    heard: Heard[Any]
    decision: Decision
    message: Message
    moves: dict[str, int]

    @property
    def id(self) -> str:
        return dict(self.message.headers)["ce_id"].decode()


@cache
def _services() -> dict[str, Service]:
    return services(load({"FARANDOLE_PAYMENT_LIMIT": PAYMENT_LIMIT}))


def _wish(cart: int) -> events.PlaceOrder:
    wanted = tuple(events.Line(sku=sku, quantity=quantity, unit_price=price) for sku, quantity, price in lines(cart))
    customer = events.Customer(id=f"c-{NUMBER}", email=f"customer{NUMBER}@example.com")
    return events.PlaceOrder(order_id=ORDER, customer=customer, currency="USD", lines=wanted)


def _heard(event: Event, cause: str) -> Heard[Any]:
    return Heard(event, Cause(cause, digest(event)), AT)


def _taken(service: Service, stored: Rows, heard: Heard[Any]) -> _Taken:
    event = heard.event
    decision = service.handlers[type(event)](stored, heard)
    message = service.answer(type(event), event.key, decision)
    if message is None:
        raise ValueError(f"expected {service.name} to say something of {event.topic}, found silence")
    moves = {}
    for row in (decision.guard, *decision.rows):
        if isinstance(row, Stock):
            before = stored.get(Stock, row.sku)
            moves[row.sku] = row.reserved - (before.reserved if before else 0)
        stored.put(row)  # type: ignore[arg-type]  # every guard is a row
    return _Taken(service, heard, decision, message, moves)


def _step(taken: _Taken, render: Render, *, outbox: bool) -> Step:
    service, message = taken.service.name, taken.message
    marks = [mark.encode() for mark in (ORDER, NUMBER, taken.heard.cause.id, taken.id)]
    kinds = {relation.kind: relation for relation in relations(service).values()}
    written: list[Any] = [taken.decision.guard, *taken.decision.rows]
    written += [outbox_row(message, INSTANCE, AT)] if outbox else []
    return Step(
        service,
        taken.heard.event.topic,
        message.topic,
        _text(message.value, marks),
        [header for header in message.headers if header[0] not in DIFFERENT],
        {
            kinds[type(row)].name: _text(_row(render, kinds[type(row)], row, taken.id), marks)
            for row in written
            if not isinstance(row, Stock)
        },
        taken.moves,
    )


def _row(render: Render, relation: Relation[Any], row: Any, answer: str) -> bytes:
    """A rendered row; what it has made an id of its own for gets the answer's."""
    return render(relation, row).replace(getattr(row, "message_id", answer).encode(), answer.encode())


def _text(content: bytes, marks: Sequence[bytes]) -> Text:
    any_mark = re.compile(b"|".join(map(re.escape, marks)))
    found = any_mark.findall(content)
    return Text(any_mark.sub(b"%b", content.replace(b"%", b"%%")), itemgetter(*map(marks.index, found)))
