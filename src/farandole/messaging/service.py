"""A service as a value: everything the kernel must know to run it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from farandole.messaging.decision import Decision, Handler, Rows
from farandole.messaging.envelope import Decoder, Event, Heard, Message, Said, event_id, seal
from farandole.messaging.step import Step

if TYPE_CHECKING:
    from farandole.messaging.database import Relation, Transaction


class UnmatchedHandlers(ValueError):
    """A row of the choreography has no handler, or a handler has no row."""


Load = Callable[["Transaction", Sequence[Heard[Any]]], Rows]
"""Reads the working set of a batch with a number of statements that does not depend on its size."""


@dataclass(frozen=True)
class Service:
    """`steps` are its rows of the choreography, `commands` what it decides without hearing a record,
    `silently` what it leaves behind where a step says nothing."""

    name: str
    handlers: Mapping[type[Event], Handler]
    decoders: Mapping[str, Decoder]
    relations: Sequence["Relation[Any]"]
    load: Load
    steps: Sequence[Step] = ()
    silently: Callable[[Step, str], Event] | None = None
    commands: Mapping[type[Event], Handler] = field(default_factory=dict)
    answer: Callable[[type[Event], str, Decision], Message | None] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answer", _answerer(self) if self.steps else lambda hears, key, decision: None)
        if self.steps:
            _match(self)

    @property
    def topics(self) -> tuple[str, ...]:
        """What it subscribes to."""
        return tuple(self.decoders)

    def handler(self, event: Event) -> Handler:
        return self.handlers.get(type(event)) or self.commands[type(event)]


def _match(service: Service) -> None:
    rows, handlers = {step.hears for step in service.steps}, set(service.handlers)
    if rows != handlers:
        raise UnmatchedHandlers(
            f"{service.name}: expected one handler for each event of its rows;"
            f" rows without a handler: {sorted(e.__name__ for e in rows - handlers)},"
            f" handlers without a row: {sorted(e.__name__ for e in handlers - rows)}"
        )
    if deaf := {e.topic for e in rows if e.topic} ^ set(service.decoders):
        raise UnmatchedHandlers(f"{service.name}: expected to subscribe to what its rows hear, found {sorted(deaf)}")


def _answerer(service: Service) -> Callable[[type[Event], str, Decision], Message | None]:
    steps = {(step.hears, step.says): step for step in service.steps}

    def answer(hears: type[Event], key: str, decision: Decision) -> Message | None:
        """What is said of a decision: the same bytes under the same id, each time."""
        event, cause = decision.says, decision.guard.cause
        step = steps.get((hears, type(event) if event else None))
        if step is None and hears in service.handlers:
            found = type(event).__name__ if event else "silence"
            raise UnmatchedHandlers(f"{service.name}: expected an answer of the choreography, found {found}")
        if event is None and step is not None and service.silently is not None:
            event = service.silently(step, key)
        if event is None:
            return None
        name = step.name if step else f"{service.name}/{event.topic}"
        causation = cause.id if hears.topic else None
        return seal(event, Said(event_id(cause.id, name), service.name, decision.guard.decided_at, causation))

    return answer


class Again(NamedTuple):
    """A decision found in the rows: what was heard, about which key, and what was decided."""

    hears: type[Event]
    key: str
    decision: Decision
