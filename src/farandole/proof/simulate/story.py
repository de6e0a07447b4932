"""A failing history as a person reads it: what fate picked, and a sequence diagram of what happened."""

import re
from collections.abc import Iterator
from typing import Final

from farandole.contract.diagram import participant
from farandole.proof.drawing import Arrow, Note, Scene, mermaid
from farandole.proof.simulate.history import History
from farandole.proof.simulate.world import Line

LONGEST: Final = 120
"""Lines of a diagram at most; the last ones are the ones that are shown."""
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_LANDS: Final = re.compile(r"→ (\S+) (\S+) of (\S+)(.*)")


def tell(history: History) -> str:
    """The violations, the picks that lead to them, and the diagram."""
    nicks = _nicks(history)
    sentences = [_nicked(f"- {sentence}", nicks) for sentence in history.violations[:10]]
    picks = [_nicked(f"- {place}: {outcome}", nicks) for place, outcome in history.picked.items()]
    shown = history.lines[-LONGEST:]
    left_out = [f"({len(history.lines) - len(shown)} lines before are left out)"] * (len(shown) < len(history.lines))
    scenes = [scene for line in shown for scene in _scenes(line._replace(text=_nicked(line.text, nicks)))]
    scenes += [Note("Kafka", sentence.removeprefix("- ")) for sentence in sentences[:1]]
    diagram = mermaid(scenes).rstrip()
    return "\n".join(
        [
            f"Seed {history.seed} goes wrong:",
            *sentences,
            "What fate picked:",
            *picks,
            *left_out,
            "```mermaid",
            diagram,
            "```",
        ]
    )


def _nicks(history: History) -> dict[str, str]:
    """Orders are called order 1, order 2 … as they were saved."""
    saved = dict.fromkeys(_ID.findall(" ".join(line.text for line in history.lines if line.who == "client")))
    return {order_id: f"order {number}" for number, order_id in enumerate(saved, 1)}


def _nicked(text: str, nicks: dict[str, str]) -> str:
    return _ID.sub(lambda found: nicks.get(found[0], found[0][:8]), text)


def _scenes(line: Line) -> Iterator[Scene]:
    who = _participant(line.who)
    if landed := _LANDS.match(line.text):
        yield Arrow(who, "Kafka", f"Publish {landed[1]} of {landed[3]} ({landed[2]}){landed[4]}")
    elif line.text.startswith(("commits", "is told", "writes", "replays")):
        yield Arrow(who, who, line.text)
    else:
        yield Note(who, line.text)


def _participant(who: str) -> str:
    service, dash, number = who.partition("-")
    return f"{participant(service)}{number}" if dash else who.capitalize()
