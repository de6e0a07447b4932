"""What `deploy/` says is checked against the Compose schema, the command line, the settings and the choreography."""

import json
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from farandole.contract import choreography
from farandole.contract.events import StepTaken
from farandole.runtime import migrations, settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = tuple(choreography.Service)
EVERYBODY = (*SERVICES, "monitor")
Rights = dict[str, set[str]]
SCHEMA = Path(__file__).with_name("compose-spec.json")
"""The Compose Specification's own schema (compose-spec/compose-spec, Apache License 2.0)."""


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_compose_fits_the_compose_schema(compose: Mapping[str, Any]) -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(dict(compose))


def test_compose_waits_only_for_what_it_has(compose: Mapping[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for awaited, how in service.get("depends_on", {}).items():
            assert awaited in services, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[awaited], awaited
    assert set(EVERYBODY) <= set(services)
    assert {f"migrate-{service}" for service in migrations.HEAD} <= set(services)


def test_compose_names_only_settings_that_exist(compose: Mapping[str, Any]) -> None:
    known = {variable for variable, _, _ in settings.describe()}
    for name, service in compose["services"].items():
        if str(service["image"]).startswith("farandole"):
            assert set(service.get("environment", {})) <= known, name


def test_each_service_has_a_database_and_a_role_of_its_own(compose: Mapping[str, Any]) -> None:
    urls = {name: str(compose["services"][name]["environment"]["FARANDOLE_DATABASE"]) for name in EVERYBODY}
    assert len(set(urls.values())) == len(EVERYBODY)
    script = (DEPLOY / "postgres" / "databases.sh").read_text(encoding="utf-8")
    created = re.search(r"for service in ([a-z ]+);", script)
    assert created is not None
    assert set(created[1].split()) == set(EVERYBODY)
    for name, url in urls.items():
        assert f"//farandole_{name}:" in url
        assert url.endswith(f"/farandole_{name}")
        assert compose["services"][f"migrate-{name}"]["environment"]["FARANDOLE_DATABASE"] == url


def test_commands_in_compose_are_commands_of_the_program(compose: Mapping[str, Any]) -> None:
    commands = {
        tuple(str(word) for word in service["command"])
        for service in compose["services"].values()
        if str(service["image"]).startswith("farandole")
    }
    helps: dict[str, str] = {}
    for command, *words in sorted(commands):
        if command not in helps:
            program = "import sys; from farandole.cli import main; sys.exit(main())"
            asked = [sys.executable, "-c", program, command, "--help"]
            helps[command] = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout
        for option in (word for word in words if word.startswith("--")):
            assert option in helps[command], command
        if command in ("serve", "migrate"):
            assert words[0] in EVERYBODY


@pytest.mark.parametrize("script", ["kafka-acls.sh", "postgres/databases.sh"])
def test_scripts_are_well_formed(script: str) -> None:
    subprocess.run(["bash", "-n", DEPLOY / script], check=True, timeout=10)


def test_each_service_may_do_what_its_rows_need_and_no_more(tmp_path: Path) -> None:
    reads, writes, groups, others = _granted(tmp_path)
    steps = {service: choreography.steps_of(service) for service in SERVICES}
    everything = {*choreography.topics(), StepTaken.topic}
    heard: Rights = {str(s): {f"p.{row.hears.topic}" for row in rows if row.hears.topic} for s, rows in steps.items()}
    said: Rights = {str(s): {f"p.{(row.says or StepTaken).topic}" for row in rows} for s, rows in steps.items()}
    assert reads == {**heard, "monitor": {f"p.{topic}" for topic in everything}}
    assert writes == said
    assert groups == {service: {f"p.farandole.{service}"} for service in EVERYBODY}
    creating = {("topics", operation) for operation in ("Create", "Describe", "DescribeConfigs")}
    assert others == {*creating, ("monitor", "IdempotentWrite")}


def _granted(folder: Path) -> tuple[Rights, Rights, Rights, set[tuple[str, str]]]:
    """Who may read and write which topic and be in which group: the script runs against a tool that only prints."""
    tool = folder / "kafka-acls.sh"
    tool.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    tool.chmod(0o700)
    environment = {"KAFKA": "broker:9093", "PREFIX": "p.", "KAFKA_ACLS": str(tool), "PATH": "/usr/bin:/bin"}
    asked = ["bash", str(DEPLOY / "kafka-acls.sh")]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, env=environment, timeout=30).stdout
    reads, writes, groups = Rights(), Rights(), Rights()
    rights = {("Read", "topic"): reads, ("Write", "topic"): writes, ("Read", "group"): groups}
    others: set[tuple[str, str]] = set()
    for line in said.splitlines():
        words = shlex.split(line)
        options = defaultdict(list)
        for option, value in pairwise(words):
            options[option].append(value)
        (principal,) = options["--allow-principal"]
        who = principal.removeprefix("User:farandole-")
        kind = "group" if "--group" in words else "topic"
        for operation in options["--operation"]:
            if (operation, kind) in rights:
                rights[operation, kind].setdefault(who, set()).update(options[f"--{kind}"])
            elif operation != "Describe" or who not in EVERYBODY:
                others.add((who, operation))
    return reads, writes, groups, others
