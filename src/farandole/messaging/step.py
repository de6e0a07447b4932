"""A step is one row of a choreography: a service hears an event, acts locally, and may answer."""

from dataclasses import dataclass

from farandole.messaging.envelope import Event


@dataclass(frozen=True, slots=True)
class Step:
    """One row. `beside` names the step where several services hear the same event; `undoes` the answer it compensates."""

    service: str
    hears: type[Event]
    words: str
    says: type[Event] | None = None
    undoes: type[Event] | None = None
    beside: str | None = None

    @property
    def name(self) -> str:
        """What makes the ids of this step's answers its own."""
        return f"{self.service}/{self.words}"
