"""One service at work: its consumer and its intake, each in a thread, and the desk its routes ask."""

import asyncio
import random
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from os import getpid
from time import time_ns
from typing import Any, Final, TypeVar
from uuid import uuid4

import anyio.to_thread
import structlog

from farandole.http.status import Standing
from farandole.messaging import dead_letters
from farandole.messaging.consumer import Consumer
from farandole.messaging.database import Database, Transaction
from farandole.messaging.dead_letters import By
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Halt, Transient
from farandole.messaging.intake import Intake
from farandole.messaging.preview import Preview, preview
from farandole.messaging.service import Service
from farandole.messaging.surroundings import Surroundings
from farandole.messaging.transport import Transport
from farandole.runtime.settings import Settings

T = TypeVar("T")
PATIENCE: Final = 0.25
"""Seconds a thread waits for something to do before it looks whether to stop."""
COMMAND_SECONDS: Final = 15.0
STOP_SECONDS: Final = 2.5

log = structlog.get_logger()


def clock() -> int:
    """Microseconds since 1970."""
    return time_ns() // 1000


def instance_name(service: str) -> str:
    """A name no other process has, ever."""
    return f"{service}-{socket.gethostname()[:24]}-{getpid()}-{uuid4().hex[:8]}"


class Worker:
    """Runs a service until stopped; is the desk of its routes."""

    def __init__(
        self,
        service: Service,
        database: Database,
        transport: Transport,
        settings: Settings,
        instance: str,
        unready: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.service = service.name
        self.tally: Counter[str] = Counter()
        self.halted: str | None = None
        self.away: str | None = None
        self.noticed: list[Callable[[Sequence[tuple[Heard[Any], Decision]]], None]] = []
        self._value, self._database, self._settings = service, database, settings
        around = Surroundings(clock, random.random, self._notice, settings.begin, instance, self.tally)
        self.consumer = Consumer(service, database, transport, around)
        self.intake = Intake(service, database, transport, around, _reply)
        self._instance, self._unready, self._started = instance, unready, clock()
        self._watchers: dict[str, list[asyncio.Future[Decision]]] = defaultdict(list)
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(part,), name=f"{service.name}-{name}", daemon=True)
            for name, part in (("consumer", self.consumer), ("intake", self.intake))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish or leave the batch under way, flush what is ready, leave the group; a few seconds at most."""
        self._stop.set()
        self.intake.wake()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=STOP_SECONDS * 2)

    def _run(self, part: Consumer | Intake) -> None:
        try:
            self._await_tables(part)
            while not self._stop.is_set():
                worked = part.turn(PATIENCE)
                if not worked and part.trouble:
                    self._stop.wait(0.02)
        except Halt as error:
            self.halted = str(error)
            log.critical("halted", service=self.service, reason=str(error))
        except Exception as error:
            self.halted = f"{type(error).__name__}: {error}"
            log.exception("halted by a bug", service=self.service)
        self._close(part)

    def _close(self, part: Consumer | Intake) -> None:
        """Leave the group, also when halted: others may go on at once, and offsets can be put right."""
        try:
            part.close(STOP_SECONDS)
        except Exception as error:
            self.halted = self.halted or f"{type(error).__name__}: {error}"
            log.exception("halted by a bug", service=self.service)

    def _await_tables(self, part: Consumer | Intake) -> None:
        """Wait until the database is there and has the tables this code knows."""
        while not self._stop.is_set():
            try:
                reason = self._unready()
            except Transient as error:
                reason = str(error)
            if reason is None:
                return
            if part.trouble != reason:
                part.trouble = reason
                log.warning("waiting", service=self.service, reason=reason)
            self._stop.wait(0.5)

    # The desk

    def now(self) -> int:
        return clock()

    @property
    def overfull(self) -> bool:
        return self.intake.backlog >= self._settings.backlog_limit

    def stall(self) -> str | None:
        return self.halted or self.consumer.trouble or self.intake.trouble or self.away

    def standing(self) -> Standing:
        """Who works here since when, and what stops it."""
        return Standing(self._instance, self._started, self.halted, self.consumer.trouble or self.intake.trouble)

    async def read(self, reader: Callable[[Transaction], T]) -> T:
        return await anyio.to_thread.run_sync(partial(self._read, reader))

    def _read(self, reader: Callable[[Transaction], T]) -> T:
        with self._database.reading() as transaction:
            return reader(transaction)

    async def command(self, heard: Heard[Any]) -> Decision:
        if self.halted:
            raise Transient(self.halted)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Decision] = loop.create_future()
        late = loop.call_later(COMMAND_SECONDS, _give_up, reply)
        self.intake.submit(heard, reply)
        try:
            return await reply
        finally:
            late.cancel()

    async def replay(self, dead_letter_id: str, by: By) -> str:
        work = partial(dead_letters.replay, self._value, self._database, dead_letter_id, self._instance, clock(), by)
        outcome = await anyio.to_thread.run_sync(work)
        self.intake.wake()
        return outcome

    async def preview(self, dead_letter_id: str) -> Preview:
        return await anyio.to_thread.run_sync(partial(preview, self._value, self._database, dead_letter_id, clock()))

    async def discard(self, dead_letter_id: str, by: By) -> None:
        work = partial(dead_letters.discard, self.service, self._database, dead_letter_id, clock(), by)
        await anyio.to_thread.run_sync(work)

    @contextmanager
    def watching(self, key: str) -> Iterator[asyncio.Future[Decision]]:
        news: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        with self._guard:
            self._watchers[key].append(news)
        try:
            yield news
        finally:
            with self._guard:
                self._forget(key, news)

    def _forget(self, key: str, news: asyncio.Future[Decision]) -> None:
        if news in self._watchers.get(key, ()):
            self._watchers[key].remove(news)
            if not self._watchers[key]:
                del self._watchers[key]

    def _notice(self, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
        for notice in self.noticed:
            notice(decisions)
        if self._watchers:
            with self._guard:
                _reply([(news, made) for heard, made in decisions for news in self._watchers.pop(heard.event.key, ())])


def _give_up(reply: "asyncio.Future[Decision]") -> None:
    if not reply.done():
        reply.set_exception(Transient("no answer from the database yet; whether it was done is not known: ask again"))


def _reply(outcomes: Sequence[tuple[Any, Decision | Exception]]) -> None:
    """Answer everybody of a commit with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Decision], Decision | Exception]]] = {}
    for reply, outcome in outcomes:
        by_loop.setdefault(reply.get_loop(), []).append((reply, outcome))
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody left who waits
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: "Sequence[tuple[asyncio.Future[Decision], Decision | Exception]]") -> None:
    for reply, outcome in pairs:
        if reply.done():
            continue
        if isinstance(outcome, Exception):
            reply.set_exception(outcome)
        else:
            reply.set_result(outcome)
