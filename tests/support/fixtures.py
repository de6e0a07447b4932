"""Fixtures and hooks: servers shared by all workers of a test run, and no skipped test where CI is set."""

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
import structlog

from farandole.proof.ground import KafkaServer, Missing, PostgresServer
from farandole.proof.ground.cluster import Cluster
from farandole.proof.ground.server import Server
from farandole.runtime.wiring import NAMES
from tests.support.databases import PostgresDatabases
from tests.support.desk import DeskAddress, ServerDesk

DESK = pytest.StashKey[ServerDesk]()
DESK_ADDRESS = pytest.StashKey[DeskAddress]()
PROOF = "proof"
SERVER_FIXTURES = ("kafka", "postgres", "chromium")
MEMORY = Path("/dev/shm")
GARBAGE = 50_000
"""New objects before cycles are looked for, as in a server: by default a tenth of a run's time goes into looking."""
ROOM = 8 << 30
"""Bytes; a run has about three of eight at its end."""
S = TypeVar("S", bound=Server)


class WorkerNode(Protocol):
    """What pytest-xdist hands over before a worker starts."""

    config: pytest.Config
    workerinput: dict[str, object]


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Every test logs as if it were the first, and so does what is set up before the next: some configure logs, as a process does."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> str:
    """The bootstrap address of the run's Kafka."""
    return _requested(pytestconfig, "kafka")


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}."


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> PostgresDatabases:
    """Fresh databases on the run's PostgreSQL."""
    return PostgresDatabases(_requested(pytestconfig, "postgres"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/database.db"
    databases: PostgresDatabases = request.getfixturevalue("postgres")
    return databases.database()


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """A broker of this test alone, not started yet."""
    yield from own(KafkaServer)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A database server of this test alone, not started yet."""
    yield from own(PostgresServer)


def own(make: Callable[[], S]) -> Iterator[S]:
    """A server that one test may kill, until the test has ended."""
    with _left_out():
        server = make()
    with closing(server):
        yield server


@pytest.fixture
def cluster(kafka: str, topic_prefix: str, postgres: PostgresDatabases, tmp_path: Path) -> Iterator[Cluster]:
    """Processes on the run's servers; none is started yet."""
    databases = {name: postgres.migrated(name) for name in NAMES}
    with Cluster(kafka, databases, topic_prefix, logs=tmp_path) as made:
        made.prepare()
        yield made


def pytest_configure(config: pytest.Config) -> None:
    """Opens the desk in the controller; a worker is told where it is."""
    worker = getattr(config, "workerinput", None)
    if worker is None:
        _write_to_memory()
        config.stash[DESK] = ServerDesk()
        config.stash[DESK_ADDRESS] = config.stash[DESK].address
    else:
        config.stash[DESK_ADDRESS] = DeskAddress(*worker["server_desk"])
    gc.set_threshold(GARBAGE)


def _write_to_memory() -> None:
    """What tests write goes with them: it need not wait for a disk where memory is mounted as one and has room."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerNode) -> None:
    """Tells a worker where the desk is."""
    desk = node.config.stash[DESK_ADDRESS]
    node.workerinput["server_desk"] = (desk.port, desk.key)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the servers with the run."""
    desk = config.stash.get(DESK, None)
    if desk is not None:
        desk.close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares others the reading of modules that are for `make proof` alone."""
    return True if collection_path.match("*_at_length.py") and PROOF not in config.option.markexpr else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks every test with the servers it uses, and leaves those of `make proof` to it."""
    if PROOF not in config.option.markexpr:
        lengthy = [item for item in items if item.get_closest_marker(PROOF)]
        config.hook.pytest_deselected(items=lengthy)
        items[:] = [item for item in items if item not in lengthy]
    for item in items:
        for server in SERVER_FIXTURES:
            if server in getattr(item, "fixturenames", ()):
                item.add_marker(server)


def pytest_collection_finish() -> None:
    """What is loaded by now stays."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fails a skipped test where CI is set."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fails a skipped module where CI is set."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"


def _requested(config: pytest.Config, server: str) -> str:
    with _left_out():
        return config.stash[DESK_ADDRESS].request(server)


@contextmanager
def _left_out() -> Iterator[None]:
    """Skips a test whose server cannot run on this machine."""
    try:
        yield
    except Missing as missing:
        pytest.skip(f"left out: {missing}")
