"""How large every part of a benchmark is: the whole, all of it in miniature, and what takes hours."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sizes:
    """Orders, seconds and orders a second."""

    rounds: int = 3
    warm: int = 100_000
    """Kafka's compiler goes on for so many orders of Farandole on two cores: from 270 to 50 µs of its CPU an order."""
    raw: int = 40_000
    orders: int = 40_000
    embedded: int = 10_000
    peer: int = 600
    rates: tuple[float, ...] = (50, 500, 2000)
    seconds: float = 15
    marks: tuple[int, ...] = (1_000, 100_000)
    sample: int = 10_000
    skus: tuple[int, ...] = (100, 10_000)
    partitions: tuple[int, ...] = (1, 6, 24)
    copies: tuple[int, ...] = (1, 2, 4)
    backlog: int = 50_000
    stored: int = 20_000
    repeats: int = 5
    pages: tuple[int, ...] = (100_000,)
    real: int = 4_000
    """Orders that are placed for pages; the others are copies of them."""
    parked: int = 5_000
    asked: int = 15
    """How often each page is asked for."""


WHOLE: Final = Sizes()
MINIATURE: Final = Sizes(
    rounds=1,
    warm=0,
    raw=1_000,
    orders=300,
    embedded=200,
    peer=20,
    rates=(50,),
    seconds=1,
    marks=(200,),
    sample=200,
    skus=(),
    partitions=(2,),
    copies=(2,),
    backlog=200,
    stored=200,
    repeats=1,
    pages=(1_000,),
    parked=100,
    asked=1,
)
FULL: Final = Sizes(
    marks=(1_000, 100_000, 1_000_000),
    skus=(100, 100_000),
    backlog=200_000,
    stored=1_000_000,
    pages=(100_000, 1_000_000),
)
