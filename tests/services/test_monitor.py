"""The monitor takes records in any order and any number, and records each step once."""

import random
from itertools import permutations

import pytest

from farandole.messaging.batch import Verdict
from farandole.messaging.envelope import Message
from farandole.monitor.domain import Recorded
from tests.contract.dances import ALL, Kept, danced, heard


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
