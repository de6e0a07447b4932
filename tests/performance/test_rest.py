"""A system at rest is at rest: it writes nothing, says nothing, commits no offset, and looks rarely."""

from farandole.messaging.relay import LOOK_EVERY
from farandole.runtime.wiring import NAMES
from tests.behaviour.house import House
from tests.performance.meters import Asked, asked
from tests.performance.orders import FLOWS, Hourglass, place

TURNS = 20
NOTHING = Asked((), 0, 0)


def test_at_rest_nothing_is_asked_between_two_looks(house: House) -> None:
    _come_to_rest(house)
    for _ in range(TURNS):
        house.turn()
    assert {name: asked(house, name) for name in NAMES} == dict.fromkeys(NAMES, NOTHING)


def test_a_look_at_rest_is_one_statement_that_reads(house: House) -> None:
    _come_to_rest(house)
    for _ in range(TURNS):
        house.clock.advance(LOOK_EVERY / 1e6)
        house.turn()
        looks = {name: asked(house, name) for name in NAMES}
        assert {name: look.words for name, look in looks.items()} == dict.fromkeys(NAMES, ("SELECT",))


def test_at_rest_no_record_is_said_and_no_offset_committed(house: House) -> None:
    _come_to_rest(house)
    carriers = [instance.carrier for name in NAMES for instance in house.instances[name]]
    for carrier in carriers:
        carrier.losing = carrier.forgetting = True
    for _ in range(TURNS):
        house.clock.advance(LOOK_EVERY / 1e6)
        house.turn()
    assert [(carrier.lost, carrier.forgotten) for carrier in carriers] == [(0, 0)] * len(carriers)


def _come_to_rest(house: House) -> None:
    """Orders of every flow have ended, no time passes any more, and what is due at this moment is done."""
    for which in FLOWS:
        place(house, 5, which)
    house.settle()
    assert isinstance(house.clock, Hourglass)
    house.clock.stop()
    house.turn()
    for name in NAMES:
        asked(house, name)
