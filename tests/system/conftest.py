"""Systems of several processes."""

from collections.abc import Iterator

import pytest

from farandole.proof.ground.cluster import Cluster
from farandole.runtime.wiring import NAMES
from tests.support.databases import PostgresDatabases


@pytest.fixture
def cluster(kafka: str, topic_prefix: str, postgres: PostgresDatabases) -> Iterator[Cluster]:
    """Processes on the run's servers; none is started yet."""
    databases = {name: postgres.migrated(name) for name in NAMES}
    with Cluster(kafka, databases, topic_prefix) as made:
        made.prepare()
        yield made
