"""The embedded system behind a real HTTP server on a free port, in this process, and what tests do to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import httpx

from farandole.contract.events import OrderValidated
from farandole.messaging.envelope import Message
from farandole.proof.ground.waiting import PATIENCE, drive_until, pause
from farandole.runtime.demo import stock, wish
from farandole.runtime.embedded import Embedded
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from tests.support.serving import served


@dataclass(frozen=True)
class Site:
    """Where it is, how it is asked, and what runs behind it."""

    url: str
    folder: Path
    client: httpx.Client
    running: Embedded
    server: Server

    def place(self, flow: str = "happy", customer: str = "c-42") -> str:
        """The id of an order that dances a flow."""
        return str(self._posted("/api/orders", wish(flow, customer))["id"])

    def danced(self, flow: str = "happy", customer: str = "c-42") -> str:
        """The id of an order whose dance is over."""
        order_id = self.place(flow, customer)
        drive_until(lambda: self.over(order_id), pause)
        return order_id

    def over(self, order_id: str) -> bool:
        """Whether no step of an order is expected any more."""
        answer = self.client.get(f"/api/orders/{order_id}/timeline")
        return answer.is_success and not answer.json()["expected"]

    def parked(self, order_id: str) -> str:
        """The id of a dead letter: payment was told what is no JSON about this order."""
        self.running.transport.publisher("a stranger").publish([Message("order.validated", order_id, b"{", ())])
        drive_until(lambda: self.letters(order_id), pause)
        return str(self.letters(order_id)[0]["id"])

    def letters(self, order_id: str) -> list[dict[str, Any]]:
        """What payment parked of an order."""
        found = self.client.get("/api/dead-letters", params={"key": order_id}).raise_for_status().json()["items"]
        return [letter for letter in found if letter["service"] == "payment"]

    @contextmanager
    def held(self, service: str) -> Iterator[None]:
        """Meanwhile this service can write nothing: somebody else is writing into its database."""
        with closing(sqlite3.connect(self.folder / f"{service}.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.rollback()

    @contextmanager
    def buggy(self) -> Iterator[None]:
        """Meanwhile the payment service has a bug that hits every order."""
        handlers: Any = self.running.workers["payment"].consumer.service.handlers
        honest = handlers[OrderValidated]
        handlers[OrderValidated] = _bug
        yield
        handlers[OrderValidated] = honest

    def cut(self) -> None:
        """Breaks every connection; new ones are taken."""
        for connection in list(self.server.server_state.connections):
            connection.loop.call_soon_threadsafe(connection.transport.abort)

    def _posted(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(path, json=body).raise_for_status().json()


def _bug(rows: object, heard: object) -> Never:
    raise ZeroDivisionError("a bug")


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A system with goods in stock."""
    settings = load({}, {"port": 0})
    bound = listen(settings)
    with (
        Embedded(settings, folder) as running,
        served(Server(running.app), bound) as server,
        httpx.Client(base_url=address(bound), timeout=PATIENCE) as client,
    ):
        stock(client)
        yield Site(address(bound), folder, client, running, server)
