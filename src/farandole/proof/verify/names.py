"""Orders that differ in their ids alone are the same: each id and digest of an order has a name that no order owns."""

import re
from collections.abc import Iterator
from typing import Any, Final

from uuid_utils import UUID, uuid5

from farandole.contract import events
from farandole.contract.choreography import CHOREOGRAPHY, COMMAND
from farandole.messaging.envelope import Event, Message, event_id
from farandole.proof.verify.memory import Kept
from farandole.services.notification.domain import Channel, Kind

_LITERAL: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-f-])[0-9a-f]{16}(?![0-9a-f])")
_NAME: Final = re.compile("<[^<>]*>")
_ACTORS: Final = UUID("f5e0c1de-7b1a-5c55-8f5b-2f6f6f9a3d10")
RECEIPT_STEP: Final = f"inventory/{events.StockReceived.topic}"


class Names:
    """The ids of the actor at one place of a world, and what each is called."""

    def __init__(self, place: int) -> None:
        self._names: dict[str, str] = {}
        self._literals: dict[str, str] = {}
        for number in (1, 2):
            for what in (f"order {number}", f"key {number}", f"receipt {number}", f"forgery {number}"):
                literal = str(uuid5(_ACTORS, f"{place}/{what}"))
                self.learn(literal, f"<{what}>")
                for event, name in _answers(literal, what):
                    self.learn(event, f"<{name}>")

    def learn(self, literal: str, name: str) -> None:
        """Call an id or a digest by a name; what has one keeps it."""
        self._names.setdefault(literal, name)
        self._literals[name] = literal

    def named(self, text: str) -> str:
        """Text with names for ids; what this actor does not own stays as it is."""
        return _LITERAL.sub(lambda found: self._names.get(found[0], found[0]), text)

    def spelt(self, text: str) -> str:
        """Text with ids for names."""
        return _NAME.sub(lambda found: self._literals[found[0]], text)

    def owns(self, kept: Kept) -> bool:
        """Whether a stored row is about this actor."""
        return any(isinstance(value, str) and self.named(value) != value for value in kept[1])

    def named_row(self, kept: Kept) -> Kept:
        return kept[0], tuple(self.named(v) if isinstance(v, str) else v for v in kept[1])

    def spelt_row(self, kept: Kept) -> Kept:
        return kept[0], tuple(self.spelt(v) if isinstance(v, str) else v for v in kept[1])

    def named_message(self, message: Message) -> Message:
        return _mapped(message, self.named)

    def spelt_message(self, message: Message) -> Message:
        return _mapped(message, self.spelt)


def _mapped(message: Message, change: Any) -> Message:
    headers = tuple((name, change(value.decode()).encode()) for name, value in message.headers)
    return Message(message.topic, change(message.key), change(message.value.decode()).encode(), headers)


def _answers(command: str, name: str) -> Iterator[tuple[str, str]]:
    """Every event id that may follow from a command, with its name: the ids follow the choreography."""
    yield event_id(command, RECEIPT_STEP), f"{name} received"
    due: list[tuple[type[Event], str]] = [(COMMAND, command)]
    for hears, cause in due:
        for step in CHOREOGRAPHY:
            if step.hears is hears:
                said = event_id(cause, step.name)
                yield said, f"{name}/{step.service} {hears.__name__} {step.says.topic if step.says else 'silent'}"
                due += [(step.says, said)] if step.says else []
        for kind in Kind:
            for channel in Channel:
                yield event_id(cause, f"{kind}/{channel}"), f"{name}/{hears.__name__}/{kind}/{channel}"
