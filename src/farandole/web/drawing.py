"""A sequence diagram as SVG: participants and words are the specification's, colours are the stylesheet's, the drawing is a
pure function of the steps."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from farandole.contract.diagram import KAFKA, Arrow, arrows, participant, participants, scenes
from farandole.messaging.step import Step

GUTTER: Final = 132
LANE: Final = 172
HEAD: Final = 44
ROW: Final = 34
"""Pixels: the column of times, a participant's column, the participants' row, an arrow's row."""


class Drawn(NamedTuple):
    """A step to draw. Taken: when, since the POST and as a moment, it was decided and its record in the topic, and how many
    more records said the same. Expected: `since` is None, and `usual` how long it usually takes where that was measured."""

    step: Step
    since: str | None = None
    moment: str = ""
    landed_since: str | None = None
    landed_moment: str | None = None
    repeats: int = 0
    usual: str | None = None

    @property
    def kind(self) -> str:
        return "expected" if self.since is None else "compensation" if self.step.undoes else "taken"


class _Line(NamedTuple):
    """An arrow of a step, at its height."""

    arrow: Arrow
    drawn: Drawn
    y: int

    @property
    def leaves(self) -> bool:
        return self.arrow.target == KAFKA

    @property
    def time(self) -> str | None:
        """What stands beside it: a record leaves when it is in its topic, all else is when the step was decided."""
        if self.drawn.since is None:
            return f"usually {self.drawn.usual}" if self.drawn.usual and not self.leaves and not self.own else None
        return self.drawn.landed_since if self.leaves else self.drawn.since

    @property
    def moment(self) -> str | None:
        return self.drawn.landed_moment if self.leaves else self.drawn.moment

    @property
    def own(self) -> bool:
        return self.arrow.source == self.arrow.target


class _Frame(NamedTuple):
    """A block of steps beside each other: its top and bottom, and each label with its height."""

    top: int
    bottom: int
    labels: tuple[tuple[str, int], ...]


def draw(steps: Sequence[Drawn], flow_name: str, title: str) -> str:
    """An SVG image of steps taken and expected, told in words to those who cannot see it."""
    lanes = _lanes(steps, flow_name)
    lines, frames, height = _placed(steps)
    width = GUTTER + LANE * len(lanes)
    parts = [
        _element("title", escape(title), id="dance-title"),
        _element("desc", escape(" ".join(map(_told, lines))), id="dance-told"),
        *_heads(lanes, height),
        *(part for frame in frames for part in _frame(frame, width)),
        *(_arrow(line, lanes) for line in lines),
    ]
    size = {"width": width, "height": height, "viewBox": f"0 0 {width} {height}"}
    named = {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "dance-title dance-told"}
    return _element("svg", "\n{}\n".format("\n".join(parts)), "dance", **named, **size)


def _lanes(steps: Sequence[Drawn], flow_name: str) -> dict[str, int]:
    """Where each participant's line is; whoever danced out of the flow has one, too."""
    names = [*participants(flow_name), *(participant(drawn.step.service) for drawn in steps)]
    return {name: GUTTER + LANE * place + LANE // 2 for place, name in enumerate(dict.fromkeys(names))}


def _placed(steps: Sequence[Drawn]) -> tuple[list[_Line], list[_Frame], int]:
    """Every arrow and frame at its height, and the height of all."""
    by_step = {drawn.step: drawn for drawn in steps}
    lines: list[_Line] = []
    frames: list[_Frame] = []
    y = HEAD + 8
    for scene in scenes(by_step):
        top, labels = y, []
        for step in scene:
            if step.beside:
                labels.append((step.beside, y))
                y += 22
            for arrow in arrows(step):
                y += ROW
                lines.append(_Line(arrow, by_step[step], y))
            y += 12
        if labels:
            frames.append(_Frame(top, y, tuple(labels)))
            y += 8
    return lines, frames, y + 8


def _heads(lanes: dict[str, int], height: int) -> Iterator[str]:
    for name, x in lanes.items():
        yield _element("line", "", "lifeline", x1=x, y1=HEAD - 8, x2=x, y2=height)
        yield _element("rect", "", "lane", x=x - LANE // 2 + 6, y=4, width=LANE - 12, height=HEAD - 12, rx=5)
        yield _text(name, x, 25, "lane-name")


def _frame(frame: _Frame, width: int) -> Iterator[str]:
    left, inner = GUTTER + 4, width - GUTTER - 8
    yield _element("rect", "", "par", x=left, y=frame.top, width=inner, height=frame.bottom - frame.top, rx=5)
    for place, (label, y) in enumerate(frame.labels):
        if place:
            yield _element("line", "", "par", x1=left, y1=y, x2=left + inner, y2=y)
        yield _text(f"{'and' if place else 'par'} {label}", left + 8, y + 17, "par-name")


def _arrow(line: _Line, lanes: dict[str, int]) -> str:
    """One arrow with its words, its time, and the whole moment for whoever points at it."""
    source, target = lanes[line.arrow.source], lanes[line.arrow.target]
    parts = [_element("title", escape(line.moment))] if line.moment else []
    if line.own:
        parts += _loop(line, source, mirrored=source == max(lanes.values()))
    else:
        parts += _way(line, source, target)
    if line.time:
        parts.append(_text(line.time, GUTTER - 10, line.y + 4, "time"))
    if line.leaves and line.drawn.repeats:
        parts.append(_text(f"said {line.drawn.repeats + 1} times", (source + target) // 2, line.y + 14, "again"))
    return _element("g", "".join(parts), f"arrow {line.drawn.kind}")


def _way(line: _Line, source: int, target: int) -> list[str]:
    back = -7 if target > source else 7
    return [
        _element("line", "", "shaft", x1=source, y1=line.y, x2=target + back, y2=line.y),
        _element("path", "", "point", d=f"M{target} {line.y}l{back} -4v8z"),
        _text(line.arrow.words, (source + target) // 2, line.y - 6, "words"),
    ]


def _loop(line: _Line, x: int, *, mirrored: bool) -> list[str]:
    """From a lane to itself; the last lane's words stand on its left, where there is room."""
    out, side, y = (-26, "words before", line.y) if mirrored else (26, "words after", line.y)
    back = 7 if out > 0 else -7
    return [
        _element("path", "", "shaft", d=f"M{x} {y - 12}h{out}v12h{back - out}"),
        _element("path", "", "point", d=f"M{x} {y}l{back} -4v8z"),
        _text(line.arrow.words, x + out + back, y - 2, side),
    ]


def _told(line: _Line) -> str:
    """An arrow as a sentence."""
    known = ", ".join(filter(None, (line.drawn.kind, line.time)))
    return f"{line.arrow.source} to {line.arrow.target}: {line.arrow.words} ({known})."


def _text(words: str, x: int, y: int, kind: str) -> str:
    return _element("text", escape(words), kind, x=x, y=y)


def _element(name: str, content: str = "", kind: str = "", **attributes: object) -> str:
    given = ({"class": kind} if kind else {}) | attributes
    said = "".join(f" {key}={quoteattr(str(value))}" for key, value in given.items())
    return f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>"
