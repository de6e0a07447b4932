from itertools import islice

from farandole.contract.facts import Facts
from farandole.proof.hostile.check import fates, flagged, letters, violations
from farandole.proof.hostile.forgeries import BELIEVED, victims_of
from farandole.proof.hostile.generator import hostile, text_only
from farandole.proof.hostile.mutations import DUPLICATE
from farandole.proof.hostile.record import Hostile, Material
from farandole.proof.hostile.writers import KafkaWriter, LogWriter, Writer
from farandole.proof.records import record_fact
from farandole.runtime.wiring import NAMES
from tests.behaviour.grounds import DistributedGround, EmbeddedGround
from tests.behaviour.house import House

RECORDS = 1_500
ROUNDS = 5
SEED = 7


def writer(house: House) -> Writer:
    match house.ground:
        case EmbeddedGround():
            return LogWriter(house.ground.log)
        case DistributedGround():
            return KafkaWriter(house.ground.bootstrap, house.ground.prefix)
    raise AssertionError(f"expected a known ground, found {house.ground}")


def three_flows(house: House, count: int) -> list[str]:
    prices = ("10.00", "10000.01", "10.00")
    return [house.place(price=prices[n % 3], sku="nothing" if n % 3 == 2 else "tea") for n in range(count)]


def material(house: House) -> tuple[Material, set[str]]:
    """Settled orders to copy from, settled orders to harm, and the ids of the former."""
    house.receive(500)
    samples, victims = three_flows(house, 9), three_flows(house, 6)
    house.settle()
    records = [record for record in house.everything() if record.topic != "saga.steps" or b'"order_id"' in record.value]  # type: ignore[operator]  # what the house says has a value
    mine = [record for record in records if (record.key or b"").decode() in samples]
    theirs = [record for record in records if (record.key or b"").decode() in victims]
    return Material(mine, victims_of(theirs)), set(samples)


def test_hostile_records_are_parked_or_believed_by_a_rule_and_honest_orders_do_not_notice(house: House) -> None:
    stuff, honest = material(house)
    stranger = writer(house)
    drawn = hostile(SEED, stuff, text_only if isinstance(house.ground, EmbeddedGround) else lambda _: True)
    written: list[Hostile] = []
    for _ in range(ROUNDS):
        written += (some := list(islice(drawn, RECORDS // ROUNDS)))
        stranger.write(some)
        honest |= set(three_flows(house, 9))
        house.turn()
    house.settle()

    log = house.everything()
    places = stranger.places(log)
    assert len(places) == RECORDS
    found = fates(places, {name: house.read(name, letters) for name in NAMES})
    assert found.wrong == []
    assert min(found.accepted[rule] for rule in (DUPLICATE, BELIEVED)) > 50
    assert sum(map(sum, (counter.values() for counter in found.parked.values()))) > RECORDS

    own = [
        r
        for r in log
        if (r.key or b"").decode(errors="replace") in honest and (r.topic, r.partition, r.offset) not in places
    ]
    facts = house.facts() | Facts(records=[record_fact(record) for record in own])
    assert violations(facts, honest) == []
    harmed = set().union(*flagged(house.facts()).values())
    assert harmed <= {record.about for record in written} | {"USD"}
    assert harmed & stuff.victims.keys()


def test_a_seed_draws_the_same_records_again(house: House) -> None:
    stuff, _ = material(house)

    def first(seed: int) -> list[Hostile]:
        return list(islice(hostile(seed, stuff), 300))

    assert first(1) == first(1)
    assert first(1) != first(2)
