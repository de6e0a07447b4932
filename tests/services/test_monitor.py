"""The monitor takes records in any order and any number, and records each step once."""

import random
from itertools import permutations

import pytest

from farandole.contract.choreography import Service as Name
from farandole.messaging.batch import Verdict
from farandole.messaging.envelope import Message
from farandole.monitor.domain import Recorded
from tests.contract.dances import ALL, Kept, goods, heard, said, wish

SAGA = [str(name) for name in Name]


def danced(price: str, tea: int) -> list[Message]:
    """Everything that is said of one order."""
    kept = {name: Kept(ALL[name]) for name in SAGA}
    kept["inventory"].batch([goods("goods", "tea", tea)])
    waiting = [word for word in said(kept["order"].batch([wish("a", price)])) if isinstance(word, Message)]
    everything: list[Message] = []
    while waiting:
        message = waiting.pop(0)
        everything.append(message)
        for service in kept.values():
            if message.topic in service.service.topics:
                words = said(service.batch([heard(service.service, message)]))
                waiting += [word for word in words if isinstance(word, Message)]
    return everything


def recorded(messages: list[Message], size: int) -> set[tuple[str, str, str | None]]:
    monitor = Kept(ALL["monitor"])
    for at in range(0, len(messages), size):
        verdicts = monitor.batch([heard(monitor.service, message) for message in messages[at : at + size]])
        assert all(isinstance(verdict, Verdict) for verdict in verdicts), verdicts
    rows = monitor.all(Recorded)
    assert sorted(row.number for row in rows) == list(range(1, len(rows) + 1))
    return {(row.service, row.step, row.heard) for row in rows}


@pytest.mark.parametrize(("price", "tea"), [("10.00", 5), ("10000.01", 5), ("10.00", 1)])
@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_step_is_recorded_once_whenever_and_however_often_it_is_heard_of(price: str, tea: int, size: int) -> None:
    messages = danced(price, tea)
    steps = recorded(messages, size)
    assert len(steps) == len(messages)
    orders = [messages[::-1], messages * 2, [m for m in messages for _ in range(2)], messages[::-1] * 2]
    orders += [list(order) for order in random.Random(0).sample([*permutations(messages)], 20)]
    assert all(recorded(order, size) == steps for order in orders)
