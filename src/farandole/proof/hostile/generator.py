"""Hostile records without end, all drawn from one seed."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from farandole.proof.hostile.forgeries import FORGERIES
from farandole.proof.hostile.mutations import (
    MUTATIONS,
    at_no_time,
    mutate,
    on_another_topic,
    with_a_nameless_header,
    with_another_s_key,
)
from farandole.proof.hostile.record import Hostile, Material

Holds = Callable[[Hostile], bool]
"""Whether a log can hold a record at all."""


def hostile(seed: int, material: Material, holds: Holds = lambda record: True) -> Iterator[Hostile]:
    """The same records for the same seed, material and log."""
    draw = Random(seed)
    victims = dict(material.victims)
    mine = material._replace(victims=victims)
    makes: dict[Callable[[Random, Material], Hostile | None], int] = {
        partial(_mutate, kind): mutation.weight for kind, mutation in MUTATIONS.items()
    }
    makes |= {on_another_topic: 60, with_another_s_key: 50, with_a_nameless_header: 10, at_no_time: 10, **FORGERIES}
    choices, weights = list(makes), list(makes.values())
    while True:
        (make,) = draw.choices(choices, weights)
        made = make(draw, mine)
        if made is not None and holds(made):
            yield made


def _mutate(kind: str, draw: Random, material: Material) -> Hostile:
    return mutate(draw, kind, material)


def text_only(record: Hostile) -> bool:
    """What the embedded log holds: values, and keys and headers that are text."""
    try:
        (record.key or b"\xff").decode()
        for name, content in record.headers:
            name.encode()
            (content if content is not None else b"\xff").decode()
    except UnicodeError:
        return False
    return record.value is not None and record.at is None
