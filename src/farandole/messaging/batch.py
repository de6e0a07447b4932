"""A batch is one transaction: load the working set, fold the handlers over it, save every changed row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from farandole.messaging.database import Transaction
from farandole.messaging.decision import Decision, Rows
from farandole.messaging.envelope import Heard, Message
from farandole.messaging.failure import Halt, Poison, Refused, Transient
from farandole.messaging.service import Service


class Verdict(NamedTuple):
    """A decision, what is said of it, and whether it was made now rather than found."""

    decision: Decision
    message: Message | None
    new: bool


def decide(service: Service, transaction: Transaction, batch: Sequence[Heard[Any]]) -> list[Verdict | Poison | Refused]:
    """Decide events in order, each seeing what earlier ones decided, and save the rows; one verdict or failure each."""
    if not batch:
        return []
    rows = service.load(transaction, batch)
    verdicts = [judge(service, rows, heard) for heard in batch]
    transaction.save(service.relations, rows)
    return verdicts


def judge(service: Service, rows: Rows, heard: Heard[Any]) -> Verdict | Poison | Refused:
    """Decide one event; a handler that fails twice in the same way is poison, a failure that changes is not."""
    first = _attempt(service, rows, heard)
    if isinstance(first, (Poison, Refused)):
        return first
    if not isinstance(first, Exception):
        return _accept(rows, *first)
    second = _attempt(service, rows, heard)
    if isinstance(second, Exception) and repr(second) == repr(first):
        return Poison(f"{type(first).__name__} while deciding {heard.cause.id}: {first}")
    raise Transient(f"deciding {heard.cause.id} failed once with {first!r} and then otherwise")


def _attempt(service: Service, rows: Rows, heard: Heard[Any]) -> tuple[Decision, Message | None] | Exception:
    try:
        decision = service.handler(heard.event)(rows, heard)
        message = service.answer(type(heard.event), heard.event.key, decision)
    except (Transient, Halt):
        raise
    except Exception as error:
        return error
    commanded = not heard.event.topic
    if not commanded and decision.guard.cause != heard.cause:
        return Poison(
            f"{heard.event.topic} for {heard.event.key}: expected the cause {decision.guard.cause.id}"
            f" with digest {decision.guard.cause.digest}, found {heard.cause.id} with {heard.cause.digest}"
        )
    return decision, message


def _accept(rows: Rows, decision: Decision, message: Message | None) -> Verdict:
    new = rows.put(decision.guard)  # type: ignore[arg-type]  # every guard is a row
    for row in decision.rows:
        rows.put(row)
    return Verdict(decision, message, new)
