"""The dance floor as SVG: the services and the topics, and who says and hears which, as the choreography has it; colours are the
stylesheet's, the drawing is a pure function of the figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, INVENTORY, NOTIFICATION, ORDER, PAYMENT, topics
from farandole.messaging.step import Step

SIDES: Final = ((ORDER, PAYMENT), (INVENTORY, NOTIFICATION))
"""Who stands left and right of the topics, from above."""
WIDTH: Final = 900
BOX: Final = 170
"""The width of a service and of a topic."""
ROW: Final = 78
TOPIC: Final = 48
MIDDLE: Final = (WIDTH - BOX) // 2
TOP: Final = 12


class Node(NamedTuple):
    """A service: in which state, in one word, and lines of what is known of it, the state first."""

    state: str
    lines: tuple[str, ...]


class Edge(NamedTuple):
    """A service says a topic (`says`), or hears it, so many times a second."""

    service: str
    topic: str
    says: bool
    rate: float


def edges(rates: Mapping[Step, float]) -> list[Edge]:
    """Each saying and each hearing once: several steps may answer the same event."""
    found: dict[tuple[str, str, bool], float] = {}
    for step in CHOREOGRAPHY:
        rate = rates.get(step, 0.0)
        heard = None if step.hears is COMMAND else (step.service, step.hears.topic, False)
        said = (step.service, step.says.topic, True) if step.says else None
        for place in (heard, said):
            if place:
                found[place] = found.get(place, 0.0) + rate
    return [Edge(*place, rate) for place, rate in found.items()]


def draw(nodes: Mapping[str, Node], rates: Mapping[Step, float], title: str) -> str:
    """The whole floor."""
    names = topics()
    height = TOP * 2 + len(names) * ROW
    parts = [
        f'<svg class="floor" xmlns="http://www.w3.org/2000/svg" viewBox="-2 0 {WIDTH + 4} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-label={quoteattr(title)}>'
    ]
    found = edges(rates)
    for right, services in enumerate(SIDES):
        tall = (height - TOP * 3) // len(services)
        for place, service in enumerate(services):
            y = TOP + place * (tall + TOP)
            parts += _service(service, nodes[service], (WIDTH - BOX) * right, y, tall)
            parts += _edges([edge for edge in found if edge.service == service], bool(right), y, tall)
    said = {edge.topic: edge.rate for edge in found if edge.says}
    for place, topic in enumerate(names):
        parts += _topic(topic, said[topic], _topic_y(place))
    return "".join((*parts, "</svg>"))


def per_second(rate: float) -> str:
    return f"{rate:.1f}/s" if rate < 100 else f"{rate:,.0f}/s"


def _topic_y(place: int) -> int:
    return TOP + place * ROW + (ROW - TOPIC) // 2


def _service(name: str, node: Node, x: int, y: int, tall: int) -> Iterator[str]:
    yield f'<g class="node {escape(node.state)}"><rect x="{x}" y="{y}" width="{BOX}" height="{tall}" rx="8"/>'
    kinds = ("name", "state", *("more" for _ in node.lines[1:]))
    for line, (kind, text) in enumerate(zip(kinds, (name, *node.lines), strict=True)):
        yield f'<text class="{kind}" x="{x + BOX // 2}" y="{y + tall // 2 - 24 + line * 20}">{escape(text)}</text>'
    yield "</g>"


def _topic(name: str, rate: float, y: int) -> Iterator[str]:
    yield f'<g class="topic"><rect x="{MIDDLE}" y="{y}" width="{BOX}" height="{TOPIC}" rx="{TOPIC // 2}"/>'
    yield f'<text class="name" x="{WIDTH // 2}" y="{y + 21}">{escape(name)}</text>'
    yield f'<text class="rate" x="{WIDTH // 2}" y="{y + 38}">{per_second(rate)}</text></g>'


def _edges(found: Sequence[Edge], right: bool, y: int, tall: int) -> Iterator[str]:
    """A service's arrows, in the order of the topics, so that they cross as little as may be."""
    names = topics()
    ordered = sorted(found, key=lambda edge: (names.index(edge.topic), edge.says))
    for number, edge in enumerate(ordered):
        near = y + tall * (number + 1) // (len(ordered) + 1)
        place = names.index(edge.topic)
        far = _topic_y(place) + TOPIC * (1 if _above(edge) else 3) // 4
        yield _edge(edge, right, near, far)


def _above(edge: Edge) -> bool:
    """Whether an arrow meets the upper half of a topic: that of the upper service on its side."""
    return any(services[0] == edge.service for services in SIDES)


def _edge(edge: Edge, right: bool, near: int, far: int) -> str:
    ours, theirs = (WIDTH - BOX, MIDDLE + BOX) if right else (BOX, MIDDLE)
    towards_topic = 1 if theirs > ours else -1
    tip, tip_y, along = (theirs, far, towards_topic) if edge.says else (ours, near, -towards_topic)
    bend = (ours + theirs) // 2
    anchor, label = ("start", theirs + 12) if right else ("end", theirs - 12)
    kind = ("says" if edge.says else "hears") + ("" if edge.rate else " idle")
    told = f"{edge.service} {'says' if edge.says else 'hears'} {edge.topic}, {per_second(edge.rate)}"
    return (
        f'<g class="edge {kind}"><title>{escape(told)}</title>'
        f'<path d="M{ours} {near}C{bend} {near} {bend} {far} {theirs} {far}"/>'
        f'<path class="tip" d="M{tip} {tip_y}l{-9 * along} -4.5v9z"/>'
        f'<text text-anchor="{anchor}" x="{label}" y="{far - 4}">{per_second(edge.rate)}</text></g>'
    )
