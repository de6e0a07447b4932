"""Results as Markdown: every table is a function of what was recorded, so it can be written again from the JSON alone."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.throughput import OTHERS

RAW: Final = "raw limit"
PEERS: Final = ("DBOS", "FastStream")
SHARES: Final = ("p50", "p95", "p99", "max")
MB: Final = 2**20
STATES: Final = {
    "well": "All being well:",
    "waiting": "With many orders that wait for their payment, and many dead letters:",
}
Found = Mapping[str, Any]
Row = Sequence[str]


def markdown(results: Mapping[str, Found]) -> str:
    parts = []
    for title, names in SECTIONS.items():
        recorded = {name: results[name] for name in names if name in results}
        if recorded:
            parts.append(f"## {title}")
        for name, record in recorded.items():
            parts += [*TEXTS[name](record["found"]), _stamp(record)]
    newest = max(results.values(), key=lambda record: str(record["date"]))
    return "\n\n".join(["# Benchmark results", *parts, *_machine(newest["machine"])]) + "\n"


def best_raw(standings: Mapping[str, Found]) -> float:
    """Orders a second of the fastest raw limit; 0 where none has a figure."""
    return max((statistics.median(s["rates"]) for n, s in standings.items() if RAW in n and s["rates"]), default=0.0)


def throughput(standings: Mapping[str, Found]) -> list[str]:
    counted = {name: standing for name, standing in standings.items() if standing["rates"]}
    refused = {name: standing for name, standing in standings.items() if not standing["rates"]}
    return [
        "Closed loop, 80 % completed, 10 % payment refused, 10 % out of stock; median (lowest–highest) of the rounds.",
        table([("contestant", "orders/s", "× best raw limit", *(f"× {peer}" for peer in PEERS), "WAL bytes/order")])
        + "".join(f"\n{row(_rate(name, standing, standings))}" for name, standing in counted.items()),
        *(f"No figure for {name}: {_why(standing)}" for name, standing in refused.items()),
        "![Orders a second](throughput.svg)",
        "CPU, µs an order; of the raw limit `load` writes the orders too, a monitor is not in the sum of the services:",
        table(
            [
                ("contestant", "services", "by process", "PostgreSQL", "Kafka", "load", "all"),
                *map(_cpu, *_pairs(counted)),
            ]
        ),
        "Most resident memory of every process, MB; of several of a kind the largest, and how many there were:",
        table([("contestant", "services", "PostgreSQL", "Kafka", "load"), *map(_memory, *_pairs(counted))]),
    ]


def _why(standing: Found) -> str:
    return "; ".join(standing["violations"]) or f"it was not run, {standing['missing']}."


def _pairs(standings: Mapping[str, Found]) -> tuple[list[str], list[Found]]:
    return list(standings), list(standings.values())


def _rate(name: str, standing: Found, standings: Mapping[str, Found]) -> Row:
    rates = standing["rates"]
    middle, raw = statistics.median(rates), best_raw(standings)
    peers = [next((s["rates"] for n, s in standings.items() if peer in n and s["rates"]), None) for peer in PEERS]
    return (
        name,
        f"{middle:,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
        f"{middle / raw:.2f}" if raw else "–",
        *(f"{middle / statistics.median(rates):,.1f}" if rates else "–" for rates in peers),
        f"{statistics.median(standing['wal']):,.0f}",
    )


def _cpu(name: str, standing: Found) -> Row:
    cpu = {role: statistics.median(values) for role, values in standing["cpu"].items()}
    own = [role for role in cpu if role not in OTHERS]
    each = [role for role in cpu if role not in OTHERS or role == "monitor"]
    others = (f"{cpu[role]:,.0f}" if role in cpu else "–" for role in ("postgres", "kafka", "load"))
    services = sum(cpu[role] for role in own)
    return (
        name,
        f"{services:,.0f}",
        " · ".join(f"{role} {cpu[role]:,.0f}" for role in each),
        *others,
        f"{sum(cpu.values()):,.0f}",
    )


def _memory(name: str, standing: Found) -> Row:
    peaks = {role: max(rounds) for role, rounds in standing["peaks"].items() if any(rounds)}
    each = [f"{role} {_largest(found)}" for role, found in peaks.items() if role not in OTHERS or role == "monitor"]
    others = (_largest(peaks[role]) if role in peaks else "–" for role in ("postgres", "kafka", "load"))
    return (name, " · ".join(each), *others)


def _largest(sizes: Sequence[int]) -> str:
    return f"{sizes[0] / MB:.0f}" + (f" ({len(sizes)})" if len(sizes) > 1 else "")


def latency(found: Mapping[str, Found]) -> list[str]:
    lines: list[Row] = [
        (
            "contestant",
            "orders/s",
            *(f"POST {s}" for s in SHARES),
            *(f"terminal {s}" for s in SHARES),
            "failed",
            "unended",
            "cores",
        )
    ]
    for name, contestant in found.items():
        for rate in contestant.get("rows", ()):
            figures = (f"{rate[kind].get(s, 0):,.1f}" for kind in ("post", "terminal") for s in SHARES)
            cores = f"{sum(rate['cores'].values()):.2f}"
            lines.append((name, f"{rate['rate']:g}", *figures, str(rate["failed"]), str(rate["unended"]), cores))
    return [
        "Milliseconds from when an order was due, open loop; medians of the rounds. `cores` are busy in all processes together.",
        table(lines),
        *(
            f"No figure for {name}: {'; '.join(one['violations'])}"
            for name, one in found.items()
            if "violations" in one
        ),
        "![Latency](latency.svg)",
    ]


def stored(found: Found) -> list[str]:
    if "violations" in found:
        return [f"No figure for orders stored: {'; '.join(found['violations'])}"]
    marks, memory = found["marks"], found["memory"]
    roles = list(memory[0]["resident"])
    return [
        _costs({f"{mark['stored']:,} orders stored": mark for mark in marks}),
        "![CPU an order against orders stored](growth.svg)",
        "Resident memory, MB, while the orders were placed:",
        table(
            [
                ("orders stored", *roles),
                *((f"{m['stored']:,}", *(f"{m['resident'][r] / MB:.0f}" for r in roles)) for m in memory),
            ]
        ),
        "![Resident memory against orders stored](memory.svg)",
        "Tables with their indexes at the last mark, the largest; dead rows are what `VACUUM` has still to take away:",
        table([("table", "MB", "bytes an order", "dead rows"), *_tables(marks[-1])]),
    ]


def _tables(mark: Found) -> list[Row]:
    largest = sorted(mark["tables"].items(), key=lambda item: -item[1]["bytes"])[:8]
    return [(n, f"{t['bytes'] / MB:,.0f}", f"{t['bytes'] / mark['placed']:,.0f}", f"{t['dead']:,}") for n, t in largest]


def _costs(points: Mapping[str, Found]) -> str:
    """What an order costs at each point, against the first of them."""
    rows: list[Row] = [
        ("point", "orders/s", "CPU µs/order, all processes", "× first", "services", "PostgreSQL", "Kafka")
    ]
    first = next((sum(figures["cpu"].values()) for figures in points.values() if "cpu" in figures), 0.0)
    for name, figures in points.items():
        if "violations" in figures:
            rows.append((name, "no figure: " + "; ".join(figures["violations"]), *[""] * 5))
            continue
        cpu = figures["cpu"]
        services = sum(value for role, value in cpu.items() if role not in OTHERS)
        shares = (f"{value:,.0f}" for value in (services, cpu["postgres"], cpu["kafka"]))
        cost = sum(cpu.values())
        rows.append((name, f"{figures['rate']:,.0f}", f"{cost:,.0f}", f"{cost / first:.2f}", *shares))
    return table(rows)


def recovery(found: Found) -> list[str]:
    if "violations" in found:
        return [f"No figure for recovery: {'; '.join(found['violations'])}"]
    rows: list[Row] = [("new orders meanwhile, ms", *SHARES)]
    rows += [
        (name, *(f"{found[kind].get(s, 0):,.1f}" for s in SHARES))
        for kind, name in (("post", "POST"), ("terminal", "POST → terminal"))
    ]
    return [
        f"{found['backlog']:,} orders were placed while the inventory service was down. {found['drain_seconds']:.1f} s after its"
        f" process was started again the last of them was notified: {found['rate']:,.0f} orders/s, of which"
        f" {found['ready_seconds']:.1f} s passed until it was ready. New orders came at {found['arrivals']:g} a second until then"
        f" ({found['placed']:,}; {found['failed']} failed, {found['unended']} had not ended when their wait of 30 s was over);"
        " they queue behind the backlog.",
        table(rows),
    ]


def startup(found: Mapping[str, float]) -> list[str]:
    return [table([("what", "ms"), *((f"`{name}`", f"{seconds * 1000:,.0f}") for name, seconds in found.items())])]


def pages(found: Mapping[str, Found]) -> list[str]:
    counted = {name: grown for name, grown in found.items() if "violations" not in grown}
    return [
        "Milliseconds over HTTP of every page and of what pages ask again and again: median (least–most), and the first answer, by itself.",
        *(f"No figure for {name}: {'; '.join(found[name]['violations'])}" for name in found if name not in counted),
        *(text for state, told in STATES.items() if counted for text in (told, _pages(counted, state))),
        *(_parted(name, grown) for name, grown in counted.items()),
    ]


def _pages(counted: Mapping[str, Found], state: str) -> str:
    names = list(dict.fromkeys(name for grown in counted.values() for name in grown[state]))
    rows = [(f"`{name}`", *(_answers(grown[state].get(name)) for grown in counted.values())) for name in names]
    return table([("what", *counted), *rows])


def _answers(figures: Found | None) -> str:
    if figures is None:
        return "–"
    least, median, worst, first = (f"{figures[name]:,.0f}" for name in ("least", "median", "worst", "first"))
    return f"{median} ({least}–{worst}), {first}"


def _parted(name: str, grown: Found) -> str:
    return f"{name}: {grown['late']:,} more waited, {grown['parked']:,} records were parked."


def _stamp(record: Found) -> str:
    return f"_{record['date']}, commit {record['commit']}, load average before: {record['load']}_"


def _machine(where: Found) -> list[str]:
    plain = [(key, str(value)) for key, value in where.items() if not isinstance(value, dict)]
    nested = [
        (key, ", ".join(f"{k} {v}" for k, v in value.items()))
        for key, value in where.items()
        if isinstance(value, dict)
    ]
    return ["## Machine, versions, settings", table([("what", "value"), *plain, *nested])]


def row(cells: Row) -> str:
    return "| " + " | ".join(cells) + " |"


def table(rows: Sequence[Row]) -> str:
    head, *rest = map(row, rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *rest])


def _points(found: Mapping[str, Found]) -> list[str]:
    return [_costs(found)]


TEXTS: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "throughput": throughput,
    "latency": latency,
    "growth.stored": stored,
    "growth.skus": _points,
    "growth.partitions": _points,
    "growth.processes": _points,
    "recovery": recovery,
    "startup": startup,
    "pages": pages,
}
SECTIONS: Final = {
    "Throughput": ["throughput"],
    "Latency": ["latency"],
    "Growth": ["growth.stored", "growth.skus", "growth.partitions", "growth.processes"],
    "Recovery": ["recovery"],
    "Start-up": ["startup"],
    "Pages": ["pages"],
}
