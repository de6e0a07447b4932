"""The page of evidence says what the recorded figures say."""

import json

from farandole.proof.evidence import DOCS, SECTIONS, page


def test_the_page_is_what_the_figures_say() -> None:
    figures = json.loads((DOCS / "evidence.json").read_text(encoding="utf-8"))
    assert (DOCS / "evidence.md").read_text(encoding="utf-8") == page(figures), (
        "run `make proof`, or only its last line"
    )


def test_what_was_not_run_is_said_to_be_missing() -> None:
    assert page({}).count("**Not run.**") == len(SECTIONS)
