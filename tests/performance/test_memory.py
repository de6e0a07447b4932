"""What a process keeps does not grow with the orders that passed through it."""

import gc
import sys
from pathlib import Path

import pytest

from farandole.messaging.transport.embedded import TAIL
from tests.behaviour.grounds import EmbeddedGround
from tests.behaviour.house import House
from tests.performance.orders import FLOWS, fill, place

ROUND = 250
"""Orders of each flow that pass together."""


@pytest.mark.proof
def test_nothing_is_kept_of_an_order_that_has_ended(tmp_path: Path) -> None:
    house = House(EmbeddedGround(tmp_path))
    fill(house)
    _pass(house, TAIL // ROUND)  # the log keeps its newest records, and no more of them
    before = _blocks()
    _pass(house, 4)
    kept = (_blocks() - before) / (4 * ROUND * len(FLOWS))
    house.close()
    assert kept < 0.5, f"expected no block of memory for each order, found {kept}"


def _pass(house: House, rounds: int) -> None:
    """Orders of every flow begin and end; what the test itself keeps of them is let go."""
    for _ in range(rounds):
        for which in FLOWS:
            place(house, ROUND, which)
        house.settle()
        house.replies.clear()
        house.acknowledged.clear()


def _blocks() -> int:
    """Blocks of memory that objects have, all of them reachable."""
    gc.collect()
    return sys.getallocatedblocks()
