"""Results as SVG: bars, ranges and lines, in the colours of whoever looks, light or dark."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from benchmarks.throughput import OTHERS

WIDTH: Final = 820
LEFT: Final = 230
RIGHT: Final = 150
TOP: Final = 52
ROW: Final = 30
PLOT_HEIGHT: Final = 260
KINDS: Final = {"post": "POST", "terminal": "terminal"}
MB: Final = 2**20
STYLE: Final = """<style>
text { font: 13px system-ui, sans-serif; } .title { font-weight: 600; font-size: 15px; } .faint { font-size: 12px; }
.end { text-anchor: end; } .middle { text-anchor: middle; } polyline { stroke-width: 2; } .stroke { stroke-width: 2; }
LIGHT
@media (prefers-color-scheme: dark) {
DARK
}
</style>"""
LIGHT: Final = ("#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#2563eb", "#d97706", "#0d9488", "#be185d", "#6b7280")
DARK: Final = ("#0d1117", "#e6edf3", "#9198a1", "#3d444d", "#60a5fa", "#fbbf24", "#2dd4bf", "#f472b6", "#9ca3af")
"""Page, ink, faint ink, grid, and the colours of what is drawn."""
COLOURS: Final = len(LIGHT) - 4
Points = Sequence[tuple[float, float]]


class Span(NamedTuple):
    """A bar with how far the rounds were apart."""

    middle: float
    low: float
    high: float


def drawn(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By name of file every plot that the results have figures for."""
    found = {name: part["found"] for name, part in results.items()}
    plots = {
        "throughput": _throughput(found.get("throughput", {})),
        "latency": _latency(found.get("latency", {})),
        "growth": _growth(found.get("growth.stored", {})),
        "memory": _memory(found.get("growth.stored", {})),
    }
    return {name: plot for name, plot in plots.items() if plot}


def _throughput(standings: Mapping[str, Any]) -> str:
    spans = {
        name: Span(statistics.median(standing["rates"]), min(standing["rates"]), max(standing["rates"]))
        for name, standing in standings.items()
        if standing["rates"]
    }
    return bars("Orders a second, median and spread of the rounds", spans) if spans else ""


def _latency(contestants: Mapping[str, Any]) -> str:
    rows = {
        f"{name}, {rate['rate']:,.0f}/s, {KINDS[kind]}": list(rate[kind].values())
        for name, contestant in contestants.items()
        for kind in KINDS
        for rate in contestant.get("rows", ())
        if rate[kind]
    }
    return ranges("Latency in ms, from when an order was due: p50, p95, p99, max", rows) if rows else ""


def _growth(found: Mapping[str, Any]) -> str:
    series: dict[str, list[tuple[float, float]]] = {}
    for mark in found.get("marks", ()):
        cpu = mark["cpu"]
        services = sum(value for role, value in cpu.items() if role not in OTHERS)
        values = {"all": sum(cpu.values()), "services": services, "PostgreSQL": cpu["postgres"], "Kafka": cpu["kafka"]}
        for name, value in values.items():
            series.setdefault(name, []).append((mark["stored"], value))
    return lines("CPU µs an order against orders stored", series) if series else ""


def _memory(found: Mapping[str, Any]) -> str:
    series: dict[str, list[tuple[float, float]]] = {}
    for look in found.get("memory", ()):
        for role, size in look["resident"].items():
            series.setdefault(role, []).append((look["stored"], size / MB))
    return lines("Resident memory in MB against orders stored", series) if series else ""


def bars(title: str, spans: Mapping[str, Span]) -> str:
    """A bar a name from zero on, its rounds' spread as a whisker."""
    most = max(span.high for span in spans.values()) or 1
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = []
    for place, (name, span) in enumerate(spans.items()):
        y = TOP + place * ROW
        end = LEFT + span.high * scale
        parts += [
            _text(LEFT - 10, y + 14, name, "end"),
            f'<rect x="{LEFT}" y="{y}" width="{max(1.0, span.middle * scale):.1f}" height="{ROW - 11}" rx="2" class="f{_kind(name)}"/>',
            _line(LEFT + span.low * scale, y + 9.5, end, y + 9.5, "whisker"),
            _text(end + 8, y + 14, f"{span.middle:,.0f}"),
        ]
    return _page(title, TOP + len(spans) * ROW + 10, parts)


def _kind(name: str) -> int:
    return 4 if "raw" in name else 0 if "farandole" in name else 1


def ranges(title: str, rows: Mapping[str, Sequence[float]]) -> str:
    """A line a name from its least to its greatest value, a dot a value, on a logarithmic axis."""
    axis = _Log([value for row in rows.values() for value in row], LEFT + 60, WIDTH - 40)
    bottom = TOP + len(rows) * ROW
    parts = [mark for tick in axis.ticks() for mark in _tick(axis.at(tick), tick, TOP, bottom)]
    for place, (name, row) in enumerate(rows.items()):
        y, colour = TOP + place * ROW + 10, 2 if name.endswith("terminal") else 0
        parts.append(_text(LEFT + 44, y + 4, name, "end"))
        parts.append(_line(axis.at(row[0]), y, axis.at(row[-1]), y, f"stroke s{colour}"))
        sizes = (6.0, 4.0, 3.0, 2.5)
        parts += [
            f'<circle cx="{axis.at(v):.1f}" cy="{y}" r="{r}" class="f{colour}"/>'
            for v, r in zip(row, sizes, strict=False)
        ]
    return _page(title, bottom + 34, parts)


def lines(title: str, series: Mapping[str, Points]) -> str:
    """A line a name, from zero on; the axis along the bottom is logarithmic."""
    axis = _Log([x for points in series.values() for x, _ in points], 70, WIDTH - RIGHT)
    most = max(y for points in series.values() for _, y in points) * 1.08 or 1
    bottom = TOP + PLOT_HEIGHT
    parts = [mark for tick in axis.ticks() for mark in _tick(axis.at(tick), tick, TOP, bottom)]
    for level in _levels(most):
        y = bottom - level / most * PLOT_HEIGHT
        parts += [_line(axis.left, y, axis.right, y, "grid"), _text(axis.left - 8, y + 4, f"{level:,.0f}", "end faint")]
    heights = _apart([bottom - points[-1][1] / most * PLOT_HEIGHT for points in series.values()])
    for number, ((name, points), height) in enumerate(zip(series.items(), heights, strict=True)):
        colour = number % COLOURS
        places = [(axis.at(x), bottom - y / most * PLOT_HEIGHT) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" class="s{colour}" fill="none"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="f{colour}"/>' for x, y in places]
        parts.append(f'<circle cx="{axis.right + 16}" cy="{height:.1f}" r="5" class="f{colour}"/>')
        parts.append(_text(axis.right + 26, height + 4, f"{name} {points[-1][1]:,.0f}"))
    return _page(title, bottom + 34, parts)


class _Log:
    """A logarithmic axis over whole decades."""

    def __init__(self, values: Sequence[float], left: float, right: float) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self.left, self.right = left, right
        self._low = math.floor(math.log10(min(positive)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(positive))))

    def at(self, value: float) -> float:
        share = (math.log10(max(value, 10.0**self._low)) - self._low) / (self._high - self._low)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> Iterator[float]:
        return (10.0**power for power in range(self._low, self._high + 1))


def _levels(most: float) -> list[float]:
    """Four or five round numbers up to a maximum."""
    rough = most / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    return [step * number for number in range(int(most / step) + 1)]


def _apart(heights: Sequence[float], least: float = 17) -> list[float]:
    """The same heights in the same order, moved until labels do not overlap."""
    found, last = dict.fromkeys(range(len(heights)), 0.0), -math.inf
    for place in sorted(found, key=lambda place: heights[place]):
        last = found[place] = max(heights[place], last + least)
    return list(found.values())


def _tick(x: float, value: float, top: float, bottom: float) -> list[str]:
    return [_line(x, top - 4, x, bottom, "grid"), _text(x, bottom + 18, f"{_number(value)}", "middle faint")]


def _style() -> str:
    return STYLE.replace("LIGHT", _rules(LIGHT)).replace("DARK", _rules(DARK))


def _rules(palette: Sequence[str]) -> str:
    page, ink, faint, grid, *drawn = palette
    rules = f".page {{ fill: {page}; }} text {{ fill: {ink}; }} .whisker {{ stroke: {ink}; }}"
    rules += f" .faint {{ fill: {faint}; }} .grid {{ stroke: {grid}; }}"
    return rules + "".join(f" .f{n} {{ fill: {c}; }} .s{n} {{ stroke: {c}; }}" for n, c in enumerate(drawn))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _page(title: str, height: float, parts: Sequence[str]) -> str:
    open_ = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    back = f'<rect class="page" width="{WIDTH}" height="{height:.0f}" rx="8"/>'
    return "\n".join([open_, _style(), back, _text(16, 27, title, "title"), *parts, "</svg>\n"])
