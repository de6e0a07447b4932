"""What `test_schemathesis` asks, with many examples a route: run by `make proof`, or by `pytest -m proof`."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode

from farandole.proof.hostile.halves import cluster_half
from farandole.runtime.wiring import NAMES
from tests.http.test_schemathesis import (
    DOCUMENT,
    ask,
    bounded,
    embedded_system,
    everything,
    generated,
    to_be_asked,
    walk,
)
from tests.support.databases import PostgresDatabases

EXAMPLES = 10
SELECTIVE = [
    f"{method.upper()} {path}"
    for path, methods in DOCUMENT["paths"].items()
    for method, route in methods.items()
    if "requestBody" in route or any(parameter["in"] == "query" for parameter in route.get("parameters", ()))
]
"""Routes that do not take everything they could be asked."""
API = everything(EXAMPLES)
WRONG = generated(EXAMPLES, GenerationMode.NEGATIVE).include(name=SELECTIVE)
"""Only what the document excludes."""

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


@pytest.fixture(
    scope="module", params=["one process", pytest.param("front door", marks=[pytest.mark.kafka, pytest.mark.postgres])]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a system in one process, or of the monitor of a cluster."""
    if request.param == "one process":
        yield from to_be_asked(embedded_system(tmp_path_factory.mktemp("schemathesis")))
    else:
        asked = (request.getfixturevalue(name) for name in ("kafka", "postgres"))
        yield from to_be_asked(front_door(*asked))


@contextmanager
def front_door(kafka: str, postgres: PostgresDatabases) -> Iterator[str]:
    """The monitor of a cluster of real processes, which forwards to the others."""
    prefix = f"test-{uuid.uuid4().hex[:12]}."
    with cluster_half(kafka, prefix, {name: postgres.migrated(name) for name in NAMES}) as half:
        yield half.url
        assert half.deaths() == []


@API.parametrize()  # type: ignore[untyped-decorator]  # Schemathesis leaves it untyped
@bounded(EXAMPLES)
def test_every_route_keeps_to_its_document_many_times(case: schemathesis.Case[Any], url: str) -> None:
    ask(case, url)


@WRONG.parametrize()  # type: ignore[untyped-decorator]  # Schemathesis leaves it untyped
@bounded(EXAMPLES)
def test_every_route_refuses_many_things_that_its_document_excludes(case: schemathesis.Case[Any], url: str) -> None:
    ask(case, url)


def test_long_walks_through_what_answers_name_keep_to_the_document(url: str) -> None:
    walk(API, url, EXAMPLES)
