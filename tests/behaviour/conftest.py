"""The matrix: every rule holds on SQLite with the embedded log and on PostgreSQL with Kafka."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.grounds import DistributedGround, EmbeddedGround, Ground
from tests.behaviour.house import House


@pytest.fixture(params=["embedded", pytest.param("distributed", marks=[pytest.mark.kafka, pytest.mark.postgres])])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    """Where the house stands."""
    if request.param == "embedded":
        return EmbeddedGround(tmp_path)
    asked = (request.getfixturevalue(name) for name in ("kafka", "topic_prefix", "postgres"))
    return DistributedGround(*asked)


@pytest.fixture
def house(ground: Ground) -> Iterator[House]:
    """Every service, with empty databases and topics."""
    made = House(ground)
    yield made
    made.close()
