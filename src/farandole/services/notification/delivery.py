"""Delivery follows the saga and never holds it up: sent outside every transaction, at least once, under one id."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa
import structlog

from farandole.messaging.database import Database
from farandole.messaging.failure import Refused, Transient
from farandole.services.notification.channels import Away, Channel, names
from farandole.services.notification.domain import Delivery, Message
from farandole.services.notification.storage import DELIVERIES, MESSAGES

SECOND: Final = 1_000_000
LEASE: Final = 60 * SECOND
"""How long taken rows are nobody else's, and after which those of a killed process are due again."""
TAKEN: Final = 100
LONGEST_ERROR: Final = 500

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first` to `most` microseconds; `jitter` draws from [0, 1) and takes away at most half."""

    jitter: Callable[[], float]
    first: int = 5 * SECOND
    most: int = 3600 * SECOND

    def after(self, attempts: int) -> int:
        full = min(self.most, self.first << min(max(attempts - 1, 0), 40))
        return int(full * (1 - self.jitter() / 2))


class Courier:
    """Delivers what is due through `channels`; several may work on one database, each used by one thread."""

    def __init__(self, database: Database, channels: Mapping[str, Channel], backoff: Backoff) -> None:
        self._database = database
        self._channels = channels
        self._backoff = backoff

    def turn(self, now: int) -> int:
        """Try at most TAKEN messages due at `now` and say how many; raises Transient while the database is away."""
        away: dict[str, str] = {}
        taken = self._take(now)
        for message, delivery in taken:
            if message.channel in away:
                self._put_off(message, delivery, now, away[message.channel])
                continue
            try:
                self._send(message)
            except Away as error:
                away[message.channel] = str(error)
                self._put_off(message, delivery, now, str(error))
            except Transient as error:
                self._put_off(message, delivery, now, str(error))
            except Refused as error:
                self._give_up(message, str(error))
            except Exception as error:  # one message's bug must not keep the others
                _log.error("delivery.failed", error=type(error).__name__, **names(message))
                self._put_off(message, delivery, now, f"{type(error).__name__}: {error}")
            else:
                self._done(message)
        return len(taken)

    def _take(self, now: int) -> list[tuple[Message, Delivery]]:
        table = DELIVERIES.table.c
        due = (
            sa.select(DELIVERIES.table)
            .where(sa.not_(table.gave_up), table.due_at <= now)
            .order_by(table.due_at, table.message_id)
            .limit(TAKEN)
        )
        with self._database.reading() as transaction:
            if not transaction.fetch(DELIVERIES, due.limit(1)):
                return []
        with self._database.writing() as transaction:
            found = transaction.fetch(DELIVERIES, due.with_for_update(skip_locked=True))
            if not found:
                return []
            leased = [msgspec.structs.replace(row, due_at=now + LEASE) for row in found]
            transaction.update(DELIVERIES, leased)
            ids = [row.message_id for row in leased]
            messages = {message.message_id: message for message in transaction.select(MESSAGES, ids)}
        return [(messages[row.message_id], row) for row in leased]

    def _send(self, message: Message) -> None:
        channel = self._channels.get(message.channel)
        if channel is None:
            raise Away(f"expected a channel for {message.channel}, found none in the settings")
        channel.send(message)

    def _done(self, message: Message) -> None:
        self._execute(sa.delete(DELIVERIES.table).where(DELIVERIES.table.c.message_id == message.message_id))
        _log.info("delivery.sent", **names(message))

    def _put_off(self, message: Message, delivery: Delivery, now: int, error: str) -> None:
        attempts = delivery.attempts + 1
        # Whoever took the row since then says what becomes of it.
        mine = (DELIVERIES.table.c.message_id == message.message_id, DELIVERIES.table.c.due_at == delivery.due_at)
        later = {"attempts": attempts, "due_at": now + self._backoff.after(attempts), "error": _line(error)}
        self._execute(sa.update(DELIVERIES.table).where(*mine).values(later))
        _log.warning("delivery.put_off", attempts=attempts, **names(message))

    def _give_up(self, message: Message, error: str) -> None:
        mine = DELIVERIES.table.c.message_id == message.message_id
        no = {"attempts": DELIVERIES.table.c.attempts + 1, "gave_up": True, "error": _line(error)}
        self._execute(sa.update(DELIVERIES.table).where(mine).values(no))
        _log.error("delivery.refused", **names(message))

    def _execute(self, statement: sa.Executable) -> None:
        with self._database.writing() as transaction:
            transaction.connection.execute(statement)


def _line(error: str) -> str:
    return "".join(c if c.isprintable() else " " for c in error)[:LONGEST_ERROR]
