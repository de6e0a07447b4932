"""The results as a table for people and as JSON for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.mutants.trial import Result

HEAD = ("mutant", "what it breaks", "caught by", "seconds")


def markdown(results: Sequence[Result]) -> str:
    """One row a mutant, in the order of the catalogue."""
    rows = [(r.mutant.name, r.mutant.breaks, _by(r), f"{r.seconds:.1f}") for r in results]
    lines = [HEAD, tuple("---" for _ in HEAD), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def data(results: Iterable[Result]) -> list[dict[str, Any]]:
    return [
        {
            "name": r.mutant.name,
            "breaks": r.mutant.breaks,
            "rule": r.mutant.rule,
            "found": str(r.found),
            "by": r.by,
            "seconds": round(r.seconds, 1),
        }
        for r in results
    ]


def as_json(results: Iterable[Result]) -> str:
    return json.dumps(data(results), indent=1) + "\n"


def summary(results: Sequence[Result]) -> str:
    """How many there were and what became of them, in a line."""
    counted = Counter(str(result.found) for result in results)
    told = ", ".join(f"{count} {_word(found)}" for found, count in sorted(counted.items()))
    return f"{len(results)} mutants: {told or 'none tried'}"


def _word(found: str) -> str:
    return "survived" if found == "nothing" else found


def _by(result: Result) -> str:
    return f"`{result.by}`" if result.caught else f"**{_word(str(result.found))}**: {result.by}"
