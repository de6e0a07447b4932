"""The documentation is held to the code: its commands, links, blocks, diagram, settings and decision records."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from farandole.cli import farandole
from tests.contract.specification import blocks, words
from tests.docs import settings

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = sorted(
    {ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")} | {*ROOT.glob("docs/**/*.md")}
)
HEADINGS = ("Decision", "Context", "Rejected", "Consequences", "Revisit when")
LONGEST_RECORD = 60
LONGEST_README = 200


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def fenced(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in some languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block for language, block in found if language in languages]


def commands(page: Path) -> Iterator[list[str]]:
    """Every `farandole …` of a page's shell blocks, as words; variables are words like others."""
    for block in fenced(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip().startswith("farandole "):
                found = shlex.split(line, comments=True)
                yield found[1 : -1 if found[-1] == "&" else None]


def understood(line: list[str]) -> None:
    """Parse a command line as click would, without running it; raises UsageError where it would."""
    command: click.Command = farandole
    context, rest = click.Context(farandole, info_name="farandole"), line
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None, line
        context, command = click.Context(found, parent=context, info_name=found.name), found
    served = [word.replace("$service", "order") for word in rest]
    command.parse_args(context, served)


@pytest.mark.parametrize("line", list(commands(README)), ids=" ".join)
def test_the_command_line_understands_every_command_of_the_readme(line: list[str]) -> None:
    understood(line)


@pytest.mark.parametrize("line", ["orders", "order place --colour red", "migrate cellar", "stock receive tea many"])
def test_a_command_that_does_not_exist_would_be_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        understood(line.split())


def test_the_readme_names_only_targets_that_make_knows() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"run", "test", "demo"} <= named <= known


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    relative = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in relative if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_python_and_json_block_parses(page: Path) -> None:
    for block in fenced(page, "python"):
        ast.parse(block)
    for block in fenced(page, "json"):
        json.loads(block)


def test_every_body_that_the_readme_sends_is_json() -> None:
    sent = re.findall(r"--json '(.*?)'", README.read_text(encoding="utf-8"), re.DOTALL)
    assert [type(json.loads(body)) for body in sent] == [dict] * 2


def test_the_picture_in_the_readme_is_the_happy_flow_of_the_specification() -> None:
    (picture,) = fenced(README, "mermaid")
    assert words(picture) == words(blocks()["happy"])


def test_the_readme_stays_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < LONGEST_README


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    found = settings.PAGE.read_text(encoding="utf-8")
    assert found == settings.page(), f"docs/settings.md is stale; run `{settings.COMMAND}`"


@pytest.mark.parametrize("record", DECISIONS, ids=name)
def test_a_decision_record_is_short_and_has_its_five_parts_in_order(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    parts = re.findall(r"^\*\*(" + "|".join(HEADINGS) + r")\b", text, re.MULTILINE)
    assert (tuple(parts), len(text.splitlines()) <= LONGEST_RECORD) == (HEADINGS, True)


def test_decision_records_are_numbered_without_gaps() -> None:
    assert [int(record.name[:4]) for record in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", [ROOT / "docs" / "failure-model.md"], ids=name)
def test_every_file_that_a_page_names_in_code_exists(page: Path) -> None:
    source = ROOT / "src" / "farandole"
    named = re.findall(r"`(?!src/)((?:[a-z_*]+/)+[a-z_]*(?:\.py)?)(?::[^`]*)?`", page.read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not any(source.glob(path.rstrip("/")))] == []
