"""One desk per test run: whichever worker asks first has the server started, all get the same address."""

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import assert_never

from farandole.proof.ground import KafkaServer, Missing, PostgresServer, ServerFailed
from farandole.proof.ground.server import Server

CLOSE = ""


@dataclass(frozen=True, slots=True)
class Started:
    """The server runs at this address."""

    address: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The server cannot run on this machine."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The server should run, and did not."""

    reason: str


Outcome = Started | Absent | Failed
HASTY: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""The server that all tests share outlives none of them, nor do its hundreds of databases, each of which would be vacuumed
every minute; what survives a server's end is tried on servers of their own."""
SERVERS: Mapping[str, Callable[[], Server]] = {"kafka": KafkaServer, "postgres": lambda: PostgresServer(HASTY)}


@dataclass(frozen=True, slots=True)
class DeskAddress:
    """Where the desk of this test run listens, and the key it expects."""

    port: int
    key: bytes

    def request(self, server: str) -> str:
        """Returns the address of a server; raises Missing or ServerFailed."""
        with Client(("127.0.0.1", self.port), authkey=self.key) as connection:
            connection.send(server)
            outcome: Outcome = connection.recv()
        match outcome:
            case Started(address):
                return address
            case Absent(reason):
                raise Missing(reason)
            case Failed(reason):
                raise ServerFailed(reason)
            case _:
                assert_never(outcome)


class Shelf:
    """One kind of server, started at most once, by one thread that lives as long as the server may."""

    def __init__(self, make: Callable[[], Server]) -> None:
        self._make = make
        self._starter = ThreadPoolExecutor(max_workers=1)
        self._server: Server | None = None
        self._outcome: Outcome | None = None

    def answer(self, connection: Connection) -> None:
        """Sends the outcome to whoever asked, without making others wait."""
        self._starter.submit(self._answer, connection)

    def close(self) -> None:
        """Ends the server, if it was ever asked for."""
        self._starter.shutdown(cancel_futures=True)
        if self._server is not None:
            self._server.close()

    def _answer(self, connection: Connection) -> None:
        with connection:
            if self._outcome is None:
                self._outcome = self._start()
            connection.send(self._outcome)

    def _start(self) -> Outcome:
        try:
            self._server = self._make()
            self._server.start()
        except Missing as missing:
            return Absent(str(missing))
        except Exception as failure:
            return Failed(f"{type(failure).__name__}: {failure}")
        return Started(self._server.address)


class ServerDesk:
    """Owns the servers of one test run, in the process that outlives the workers."""

    def __init__(self) -> None:
        key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=key)
        self._shelves = {name: Shelf(make) for name, make in SERVERS.items()}
        self._thread = Thread(target=self._serve, name="server-desk", daemon=True)
        self._thread.start()
        self.address = DeskAddress(self._listener.address[1], key)

    def close(self) -> None:
        """Ends every server that was started."""
        with Client(("127.0.0.1", self.address.port), authkey=self.address.key) as connection:
            connection.send(CLOSE)
        self._thread.join()
        self._listener.close()
        for shelf in self._shelves.values():
            shelf.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
                wanted = connection.recv()
            except (AuthenticationError, EOFError, OSError):
                continue
            if wanted == CLOSE:
                connection.close()
                return
            self._shelves[wanted].answer(connection)
