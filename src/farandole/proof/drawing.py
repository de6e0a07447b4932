"""A run that went wrong, as a Mermaid sequence diagram that a person can read."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Arrow(NamedTuple):
    """Somebody says something to somebody, or (`to` is the sender) does something."""

    sender: str
    to: str
    text: str
    lost: bool = False


class Note(NamedTuple):
    """What is seen at one participant, such as a crash or a violation."""

    over: str
    text: str


Scene = Arrow | Note


def mermaid(scenes: Iterable[Scene], participants: Sequence[str] = ()) -> str:
    """The scenes in order, with participants in the order given and then of first appearance."""
    shown = list(scenes)
    seen = (name for scene in shown for name in ((scene.over,) if isinstance(scene, Note) else scene[:2]))
    named = dict.fromkeys((*participants, *seen))
    return "\n".join(["sequenceDiagram", *(f"    participant {name}" for name in named), *map(_line, shown)]) + "\n"


def _line(scene: Scene) -> str:
    if isinstance(scene, Note):
        return f"    Note over {scene.over}: {_plain(scene.text)}"
    arrow = "--x" if scene.lost else "->>"
    return f"    {scene.sender}{arrow}{scene.to}: {_plain(scene.text)}"


def _plain(text: str) -> str:
    """One line without what Mermaid would read as its own."""
    return " ".join(text.split()).replace(";", ",").replace("#", "№")
