"""Results of all parts in one folder: a part that is run again replaces itself and nothing else."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine, plots, report

Results = dict[str, dict[str, Any]]
"""By part: `found`, and when, where, of which commit and with which sizes that was found."""


def recorded(run: Callable[[], Any], where: Mapping[str, Any], sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a part; what it found, with its circumstances."""
    stamp = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": machine.commit(),
        "load": machine.busy(),
    }
    return {**stamp, "machine": dict(where), "sizes": dict(sizes), "found": run()}


def load(folder: Path) -> Results:
    path = folder / "latest.json"
    found: Results = json.loads(path.read_text()) if path.exists() else {}
    return found


def write(results: Results, folder: Path) -> str:
    """Writes JSON, Markdown and plots; returns the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = report.markdown(results)
    (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "latest.md").write_text(text)
    for name, drawn in plots.drawn(results).items():
        (folder / f"{name}.svg").write_text(drawn)
    return text


def violations(found: Any) -> list[str]:
    """Every violation anywhere in the results."""
    if isinstance(found, dict):
        own = found.get("violations") or []
        return [*own, *(line for value in found.values() for line in violations(value))]
    return [line for value in found for line in violations(value)] if isinstance(found, list) else []
