"""Results as a table in Markdown and as bars in SVG."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks.throughput import OTHERS, Standing

RAW: Final = "raw limit"
MB: Final = 2**20
BAR: Final = 22
WIDTH: Final = 760
LEFT: Final = 240


def best_raw(standings: Mapping[str, Standing]) -> float:
    """Orders a second of the fastest raw limit; 0 where none ran."""
    return max((statistics.median(s.rates) for name, s in standings.items() if RAW in name and s.rates), default=0.0)


def throughput_table(standings: Mapping[str, Standing]) -> str:
    raw = best_raw(standings)
    rows: list[Sequence[str]] = [
        (
            "contestant",
            "orders/s",
            "of best raw",
            "own CPU µs/order",
            "PostgreSQL",
            "Kafka",
            "load",
            "largest process MB",
        )
    ]
    for name, standing in standings.items():
        if not standing.rates:
            rows.append((name, "no figure: " + "; ".join(standing.violations)[:80], *[""] * 6))
            continue
        cpu = {role: statistics.median(values) for role, values in standing.cpu.items()}
        own = sum(value for role, value in cpu.items() if role not in OTHERS)
        low, high, middle = min(standing.rates), max(standing.rates), statistics.median(standing.rates)
        largest = max(max(v) for role, v in standing.peaks.items() if role not in OTHERS)
        others = (f"{cpu.get(role, 0):,.0f}" for role in ("postgres", "kafka", "load"))
        share = f"{middle / raw:.2f} ×" if raw else ""
        rows.append(
            (name, f"{middle:,.0f} ({low:,.0f}–{high:,.0f})", share, f"{own:,.0f}", *others, f"{largest / MB:.0f}")
        )
    return table(rows)


def latency_table(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    shares = ("p50", "p95", "p99", "max")
    lines: list[Sequence[str]] = [
        ("contestant", "orders/s", *(f"POST {s}" for s in shares), *(f"terminal {s}" for s in shares), "failed")
    ]
    for name, found in rows.items():
        for row in found:
            figures = (f"{row[kind].get(s, 0):,.1f}" for kind in ("post", "terminal") for s in shares)
            lines.append((name, f"{row['rate']:g}", *figures, str(row["failed"])))
    return table(lines)


def growth_table(found: Mapping[str, Any]) -> str:
    lines: list[Sequence[str]] = [
        ("point", "orders/s", "CPU µs/order, all processes", "against the first", "violations")
    ]
    for rows in ([(f"{row['stored']:,} stored", row) for row in found["stored"]], list(found["points"].items())):
        first = sum(rows[0][1]["cpu"].values())
        for name, row in rows:
            cost = sum(row["cpu"].values())
            wrong = "; ".join(row.get("violations", ())) or "none"
            lines.append((name, f"{row['rate']:,.0f}", f"{cost:,.0f}", f"{cost / first:.2f} ×", wrong))
    return table(lines)


def memory_table(found: Mapping[str, Any]) -> str:
    roles = list(found["stored"][0]["resident"])
    rows = [[f"{row['stored']:,}", *(f"{row['resident'][r] / MB:.0f}" for r in roles)] for row in found["stored"]]
    return table([["orders stored", *(f"{role} MB" for role in roles)], *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *rest])


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """A bar a name, as SVG."""
    most = max(values.values(), default=1) or 1
    height = (len(values) + 2) * BAR
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/><text x="8" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        y, length = (place + 1.4) * BAR, value / most * (WIDTH - LEFT - 110)
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 6}" fill="#3b6ea5"/>'
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}">{value:,.0f} {escape(unit)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])
