"""The three flows of the specification, danced by the real services."""

from collections import Counter

import pytest

from farandole.contract.choreography import CHOREOGRAPHY, FLOWS
from farandole.contract.diagram import flow_diagram
from farandole.monitor.timeline import diagram, expected, step_of
from tests.behaviour.house import House
from tests.contract.specification import blocks, words

ENDS = {"happy": "COMPLETED", "payment-failure": "PAYMENT_FAILED", "stock-failure": "FAILED"}


def test_the_three_flows_end_as_drawn(house: House) -> None:
    orders = house.flows()

    assert {name: house.status(order_id) for name, order_id in orders.items()} == ENDS
    for name, order_id in orders.items():
        recorded = house.recorded(order_id)
        assert words(diagram(recorded)) == words(blocks()[name])
        assert expected(recorded) == []
    house.sound()


def test_a_failed_payment_releases_the_stock_and_a_completed_order_keeps_it(house: House) -> None:
    house.flows()
    assert (house.stock().available, house.stock().reserved) == (9, 1)


def test_withholding_one_record_removes_exactly_its_lines(house: House) -> None:
    for order_id in house.flows().values():
        recorded = house.recorded(order_id)
        whole = _arrows(diagram(recorded))
        for withheld in recorded:
            rest = diagram([row for row in recorded if row is not withheld])
            step = step_of(withheld)
            lines = Counter(_arrows(diagram([withheld])))
            assert lines == Counter(whole) - Counter(_arrows(rest))
            assert len(lines) == 2 + (step.says is not None)
            assert _arrows(rest) == _without(whole, list(lines))
            assert _participants(rest) == _participants(diagram(recorded))


def test_every_row_of_the_choreography_is_danced_by_the_three_flows(house: House) -> None:
    orders = house.flows()
    danced = {step_of(row) for order_id in orders.values() for row in house.recorded(order_id)}
    assert danced == set(CHOREOGRAPHY)


def test_exactly_the_limit_is_paid_and_a_cent_more_fails(house: House) -> None:
    house.receive(10)
    exactly, more = house.place(price="10000.00"), house.place(price="10000.01")
    house.settle()
    assert (house.status(exactly), house.status(more)) == ("COMPLETED", "PAYMENT_FAILED")
    house.sound()


def test_the_limit_counts_the_whole_order(house: House) -> None:
    house.receive(10)
    exactly, more = house.place(price="5000.00", quantity=2), house.place(price="3333.34", quantity=3)
    house.settle()
    assert (house.status(exactly), house.status(more)) == ("COMPLETED", "PAYMENT_FAILED")


@pytest.mark.parametrize("name", FLOWS)
def test_the_table_draws_the_specification(name: str) -> None:
    assert words(flow_diagram(name)) == words(blocks()[name])


def _arrows(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if "->>" in line]


def _participants(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if "participant" in line]


def _without(lines: list[str], gone: list[str]) -> list[str]:
    place = next(at for at in range(len(lines)) if lines[at : at + len(gone)] == gone)
    return lines[:place] + lines[place + len(gone) :]
