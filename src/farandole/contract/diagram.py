"""Sequence diagrams in the specification's own words, drawn from steps: take a step away and exactly its lines are gone."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, Service, flow
from farandole.messaging.step import Step

POST = "POST /api/orders"
CLIENT, KAFKA = "Client", "Kafka"


class Arrow(NamedTuple):
    """Which participant tells which one what."""

    source: str
    target: str
    words: str


def draw(taken: Iterable[Step], flow_name: str, table: Sequence[Step] = CHOREOGRAPHY) -> str:
    """Mermaid text of the steps taken, in the table's order, with the participants of a flow."""
    steps = set(taken)
    lines = ["sequenceDiagram", *(f"    participant {name}" for name in participants(flow_name))]
    for scene in scenes(steps, table):
        lines += ["", *_scene_lines(scene)]
    return "\n".join(lines) + "\n"


def scenes(taken: Iterable[Step], table: Sequence[Step] = CHOREOGRAPHY) -> list[list[Step]]:
    """Steps in the table's order; those beside each other are one scene, any other is a scene of its own."""
    steps = set(taken)
    return [list(group) for _, group in groupby((step for step in table if step in steps), key=_scene)]


def arrows(step: Step) -> list[Arrow]:
    """What a step looks like: something comes, something is done, something may leave."""
    me = participant(step.service)
    comes = Arrow(CLIENT, me, POST) if step.hears is COMMAND else Arrow(KAFKA, me, f"Consume {step.hears.topic}")
    leaves = [Arrow(me, KAFKA, f"Publish {step.says.topic}")] if step.says else []
    return [comes, Arrow(me, me, step.words), *leaves]


def flow_diagram(name: str) -> str:
    """Mermaid text of one whole flow of the choreography."""
    return draw(flow(name), name)


def participants(flow_name: str) -> list[str]:
    """Who takes part in a flow, in the specification's order."""
    dancing = {step.service for step in flow(flow_name)}
    others = [participant(service) for service in Service if service in dancing and service is not Service.ORDER]
    return [CLIENT, participant(Service.ORDER), KAFKA, *others]


def participant(service: str) -> str:
    return f"{service.capitalize()}Service"


def _scene(step: Step) -> tuple[str, str]:
    return (step.hears.__name__, "" if step.beside else f"{step.service}/{step.words}")


def _scene_lines(steps: list[Step]) -> list[str]:
    if steps[0].beside is None:
        return [f"    {line}" for line in _lines(steps[0])]
    lines = []
    for word, step in zip(["par", *["and"] * len(steps)], steps, strict=False):
        lines += [f"    {word} {step.beside}", *(f"        {line}" for line in _lines(step))]
    return [*lines, "    end"]


def _lines(step: Step) -> list[str]:
    return [f"{arrow.source}->>{arrow.target}: {arrow.words}" for arrow in arrows(step)]
