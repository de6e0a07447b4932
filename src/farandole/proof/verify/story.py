"""The shortest run to a violation, as a sequence diagram in the words of the choreography."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from farandole.contract.diagram import POST, participant
from farandole.messaging.envelope import Message
from farandole.proof.drawing import Arrow, Note, Scene, mermaid
from farandole.proof.verify.actors import Command, Order, Receipt
from farandole.proof.verify.deciding import PARKED
from farandole.proof.verify.explore import NONE, Search, Violation
from farandole.proof.verify.local import Move
from farandole.proof.verify.protocol import Kind, Label
from farandole.proof.verify.space import Space, Step

CLIENT, KAFKA, STRANGER = "Client", "Kafka", "Stranger"
HOW = {
    Kind.POST: "",
    Kind.POST_AGAIN: " again",
    Kind.HEAR: "",
    Kind.HEAR_AGAIN: " again",
    Kind.TWICE: " twice in one batch",
    Kind.ZOMBIE: " by one who looked before that commit",
}


def draw(space: Space, search: Search, violation: Violation) -> tuple[int, str]:
    """How many steps the shortest run has, and its diagram."""
    steps = list(_run(space, search, violation))
    told = _Telling(space, search.states[0])
    scenes = [scene for step in steps for scene in told.scenes(step)]
    for found in violation.broken:
        scenes.append(Note(told.last, told.named(f"{found.id} violated ({found.title}): {found.examples[0]}")))
    return len(steps), mermaid(scenes, [CLIENT, participant("order"), KAFKA])


def _run(space: Space, search: Search, violation: Violation) -> Iterator[Step]:
    """The steps from the beginning to the violation."""
    path = [violation.at]
    while search.parents[path[-1]] != NONE:
        path.append(search.parents[path[-1]])
    states = [search.states[at] for at in reversed(path)]
    for before, after in pairwise(states):
        yield next(step for step in space.steps(before) if step.after == after)
    if violation.step:
        yield violation.step


class _Telling:
    """Tells steps, keeping track of which order is which while identical ones change places."""

    def __init__(self, space: Space, start: int) -> None:
        self._space, self._deciders = space, space.deciders
        _, self._numbers = space.parts(start)
        self._who = self._titles()
        self.last = KAFKA

    def named(self, text: str) -> str:
        """A sentence with the orders' titles for their ids and names."""
        for place, who in enumerate(self._who):
            for what in ("order", "receipt"):
                text = text.replace(self._deciders.names(place).spelt(f"<{what} 1>"), who)
        return text.replace("<order 1>", "the order")

    def scenes(self, step: Step) -> Iterator[Scene]:
        if len(step.moved) > 1 and step.moved[-1][1].label.kind != Kind.ZOMBIE:
            service = participant(step.moved[0][1].label.service)
            yield Note(service, "one transaction decides what follows, in this order")
        for place, move in step.moved:
            for scene in self._told(move.label, self._who[place]):
                self.last = scene.sender if isinstance(scene, Arrow) and scene.sender != KAFKA else self.last
                yield scene
        self._move(step.moved)

    def _titles(self) -> list[str]:
        actors = [
            self._space.locals.actors.values[self._space.locals.known.values[number].actor] for number in self._numbers
        ]
        if len(actors) == 1:
            return ["the order"]
        letters = iter("ABCDEFGH")
        return [f"order {next(letters)}" if isinstance(actor, Order) else f"goods {next(letters)}" for actor in actors]

    def _move(self, moved: Sequence[tuple[int, Move]]) -> None:
        """Follow the orders: among identical ones the smaller local state comes first."""
        for place, move in moved:
            self._numbers[place] = move.local
        for places in self._space.groups:
            pairs = sorted(((self._numbers[place], self._who[place]) for place in places), key=lambda pair: pair[0])
            for place, (number, who) in zip(places, pairs, strict=True):
                self._numbers[place], self._who[place] = number, who

    def _told(self, label: Label, who: str) -> Iterator[Scene]:
        me = participant(label.service) if label.service else STRANGER
        heard, said = self._deciders.words(label.heard), self._deciders.words(label.said)
        match label.kind:
            case Kind.POST | Kind.POST_AGAIN:
                yield Arrow(CLIENT, me, f"{self._asked(label.heard)}{HOW[label.kind]} · {who}")
                yield Arrow(me, me, self._words(label))
            case Kind.RELAY | Kind.RELAY_AGAIN | Kind.SAY:
                yield Arrow(me, KAFKA, f"Publish {said} · {who}")
            case Kind.HEED if label.said < 0:
                yield Arrow(me, me, f"Wait for no acknowledgement, {said} was said · {who}")
            case Kind.RELAYED | Kind.HEED:
                yield Arrow(KAFKA, me, f"Acknowledge {said} · {who}")
            case Kind.SWEEP:
                yield Arrow(me, me, f"Delete the outbox row of {said} · {who}")
            case Kind.RELAY_CRASH:
                yield Note(me, f"crash: nobody knows how far {said} · {who} is")
            case Kind.HEAR | Kind.HEAR_AGAIN | Kind.TWICE | Kind.ZOMBIE:
                asked = self._asked(label.heard)
                first = Arrow(CLIENT, me, asked) if asked else Arrow(KAFKA, me, f"Consume {heard}")
                yield first._replace(text=f"{first.text}{HOW[label.kind]} · {who}")
                yield Arrow(me, me, self._words(label))
            case Kind.COMMIT:
                yield Arrow(me, KAFKA, f"Commit the offset of {heard} · {who}")
            case Kind.CRASH:
                yield Note(me, f"crash: it forgets how far {heard} · {who} is")
            case Kind.FORGE:
                yield Arrow(STRANGER, KAFKA, f"Publish {heard} under another id · {who}")

    def _asked(self, number: int) -> str:
        command = self._deciders.heard.values[number]
        if not isinstance(command, Command):
            return ""
        return f"POST /api/stock/{command.actor.sku}/receipts" if isinstance(command.actor, Receipt) else POST

    def _words(self, label: Label) -> str:
        """The step that was taken, in the choreography's words, told by what was said."""
        if label.said == PARKED:
            return f"Park {self._deciders.words(label.heard)} as a dead letter"
        message = self._deciders.heard.values[label.said] if label.said >= 0 else None
        if not isinstance(message, Message):
            return "Say nothing"
        value: dict[str, Any] = msgspec.json.decode(message.value)
        if "step" in value:
            return str(value["step"])
        steps = self._deciders.services[label.service].steps
        return next((s.words for s in steps if s.says and s.says.topic == message.topic), "Receive goods")
