"""The specification's own diagrams."""

import re
from importlib.resources import files

from farandole.contract.choreography import FLOWS


def blocks() -> dict[str, str]:
    """The three Mermaid blocks by flow, in the specification's order."""
    text = (files("farandole.contract") / "specification.md").read_text(encoding="utf-8")
    return dict(zip(FLOWS, re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL), strict=True))


def words(text: str) -> list[list[str]]:
    """Lines without white space, empty ones left out."""
    return [line.split() for line in text.splitlines() if line.strip()]
