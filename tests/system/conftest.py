"""Systems of several processes, and servers that a test may kill."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from farandole.proof.ground import KafkaServer, Missing, PostgresServer
from farandole.proof.ground.cluster import Cluster
from farandole.runtime.wiring import NAMES
from tests.support.databases import PostgresDatabases

S = TypeVar("S", KafkaServer, PostgresServer)


@pytest.fixture
def cluster(kafka: str, topic_prefix: str, postgres: PostgresDatabases) -> Iterator[Cluster]:
    """Processes on the run's servers; none is started yet."""
    databases = {name: postgres.database() for name in NAMES}
    with Cluster(kafka, databases, topic_prefix) as made:
        made.prepare()
        yield made


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """A broker of this test alone, not started yet."""
    yield from _own(KafkaServer)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A database server of this test alone, not started yet."""
    yield from _own(PostgresServer)


def _own(kind: type[S]) -> Iterator[S]:
    try:
        server = kind()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.close()
