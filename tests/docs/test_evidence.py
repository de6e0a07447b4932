"""The page of evidence says what the recorded figures say."""

import json
from pathlib import Path

from farandole.proof.evidence import DOCS, SECTIONS, collect, page

RUN = """<testsuites><testsuite>
<testcase classname="tests.system.test_doctor" name="test_a_lock_is_named[kafka]" time="3.5"/>
<testcase classname="tests.system.test_doctor" name="test_a_lock_is_named[log]" time="2.0"><failure>no</failure></testcase>
</testsuite></testsuites>"""


def test_the_page_is_what_the_figures_say() -> None:
    figures = json.loads((DOCS / "evidence.json").read_text(encoding="utf-8"))
    assert (DOCS / "evidence.md").read_text(encoding="utf-8") == page(figures), (
        "run `make proof`, or only its last line"
    )


def test_what_was_not_run_is_said_to_be_missing() -> None:
    assert page({}).count("**Not run.**") == len(SECTIONS)


def test_what_pytest_ran_is_told_with_how_it_ended(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(RUN, encoding="utf-8")
    told = page(collect(tmp_path, {}))
    assert "**1 of 2 tests passed**" in told
    assert "| a lock is named | 2 | 5.5 | failure, passed |" in told
