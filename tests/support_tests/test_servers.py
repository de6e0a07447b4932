"""The test servers keep their promises: data survive a restart and a crash, and nothing outlives its owner."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from select import select

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from farandole.proof.ground import KafkaServer, PostgresServer, ServerFailed
from farandole.proof.ground.kafka import SHORT_SESSION
from farandole.proof.ground.postgres import libpq_url, system_programs, wheel_programs
from farandole.proof.ground.processes import Account, ServerProcess
from tests.support.databases import PostgresDatabases
from tests.support.fixtures import own

TOPIC = "kept"
SECONDS = 30


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """A broker of this test alone, not started yet, that is let in again soon after it was killed."""
    yield from own(lambda: KafkaServer(SHORT_SESSION))


@pytest.fixture(
    params=sorted({find() for find in (system_programs, wheel_programs)} - {None}, key=str),
    ids=lambda found: found.parent.name,
)
def own_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server of this test alone, not started yet, once from each place that PostgreSQL comes from."""
    yield from own(lambda: PostgresServer(programs=request.param))


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.parametrize("interrupt", [KafkaServer.stop, KafkaServer.kill])
def test_an_acknowledged_record_survives_the_broker(
    own_kafka: KafkaServer, interrupt: Callable[[KafkaServer], None]
) -> None:
    own_kafka.start()
    address, first = own_kafka.bootstrap, own_kafka.pid
    _create_topic(address, TOPIC)
    _produce(address, TOPIC, b"order 1")

    interrupt(own_kafka)
    own_kafka.start()

    assert own_kafka.bootstrap == address
    assert own_kafka.pid != first
    assert _first_value(address, TOPIC) == b"order 1"


@pytest.mark.proof
@pytest.mark.postgres
@pytest.mark.parametrize("interrupt", [PostgresServer.stop, PostgresServer.kill])
def test_a_committed_row_survives_the_server(
    own_postgres: PostgresServer, interrupt: Callable[[PostgresServer], None]
) -> None:
    own_postgres.start()
    url = own_postgres.create_database("orders")
    _execute(url, "CREATE TABLE kept AS SELECT 1 AS id")

    interrupt(own_postgres)
    own_postgres.start()

    assert _execute(url, "SELECT id FROM kept") == [(1,)]


@pytest.mark.postgres
def test_a_database_server_is_durable_and_listens_on_loopback_only(own_postgres: PostgresServer) -> None:
    own_postgres.start()
    names = ("fsync", "synchronous_commit", "listen_addresses", "unix_socket_directories", "max_connections")
    shown = [_execute(own_postgres.address, f"SHOW {name}")[0][0] for name in names]
    assert shown == ["on", "on", "127.0.0.1", "", "200"]


def test_every_database_is_fresh(postgres: PostgresDatabases) -> None:
    first, second = postgres.database(), postgres.database()
    _execute(first, "CREATE TABLE mine AS SELECT 1 AS id")
    assert _execute(second, "SELECT to_regclass('mine')") == [(None,)]


def test_a_template_is_prepared_once_and_copied(postgres: PostgresDatabases, topic_prefix: str) -> None:
    prepared: list[str] = []

    def migrate(url: str) -> None:
        prepared.append(url)
        _execute(url, "CREATE TABLE migrated AS SELECT 7 AS id")

    name = f"template_{topic_prefix}"
    urls = [postgres.database(template=postgres.template(name, migrate)) for _ in range(2)]

    assert len(prepared) == 1
    assert [_execute(url, "SELECT id FROM migrated") for url in urls] == [[(7,)], [(7,)]]


def test_the_shared_broker_answers(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}orders"
    _create_topic(kafka, topic)
    _produce(kafka, topic, b"order 2")
    assert _first_value(kafka, topic) == b"order 2"


def test_a_server_that_dies_while_starting_shows_its_log(tmp_path: Path) -> None:
    script = "print('no space left'); raise SystemExit(3)"
    server = ServerProcess([sys.executable, "-c", script], tmp_path / "server.log", Account.current())
    with pytest.raises(ServerFailed, match=r"(?s)code 3.*no space left"):
        server.start(lambda: False, seconds=30)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent ends")
def test_a_server_ends_with_a_killed_owner(tmp_path: Path) -> None:
    owner = """
import sys, time
from pathlib import Path
from farandole.proof.ground.processes import Account, ServerProcess
server = ServerProcess([sys.executable, "-c", "import time; time.sleep(600)"], Path("server.log"), Account.current())
server.start(lambda: True, 5)
print(server.pid, flush=True)
time.sleep(600)
"""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", owner], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as owned:
        assert owned.stdout is not None
        server = os.pidfd_open(int(owned.stdout.readline()))
        owned.send_signal(signal.SIGKILL)
    try:
        assert select([server], [], [], SECONDS)[0], "expected the server to end with its owner, found it alive"
    finally:
        os.close(server)


def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)]).values():
        created.result(SECONDS)


def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(SECONDS) == 0


def _first_value(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    with closing(consumer):
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(SECONDS)
        assert message is not None
        assert message.error() is None
        return message.value()


def _execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
