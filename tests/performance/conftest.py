"""Counts, not times: the same figures on a laptop, in CI and beside a busy neighbour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.conftest import ground
from tests.behaviour.grounds import EmbeddedGround, Ground
from tests.behaviour.house import House
from tests.performance.meters import Metered, on_postgres
from tests.performance.orders import Hourglass, fill

__all__ = ["ground", "house", "workbench"]


@pytest.fixture
def house(ground: Ground, tmp_path: Path) -> Iterator[House]:
    """A house on either half of the matrix, with meters and full stores."""
    made = House(Metered(ground, tmp_path), Hourglass())
    fill(made)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def workbench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house on either database in which no time passes; in its log, what is said together is heard together."""
    opened = None if request.param == "sqlite" else on_postgres(request.getfixturevalue("postgres"))
    clock = Hourglass()
    made = House(Metered(EmbeddedGround(tmp_path), tmp_path, opened), clock)
    fill(made)
    clock.stop()
    yield made
    made.close()
