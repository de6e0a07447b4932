"""What `test_schemathesis` asks, with many examples a route: run by `make proof`, or by `pytest -m proof`."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

from tests.http import test_schemathesis as short
from tests.http.test_schemathesis import ask, bounded, walk

EXAMPLES = 10
API, WRONG = short.everything(EXAMPLES), short.wrong(EXAMPLES)

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


@pytest.fixture(
    scope="module", params=["one process", pytest.param("front door", marks=[pytest.mark.kafka, pytest.mark.postgres])]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a system in one process, or of the monitor of a cluster."""
    if request.param == "one process":
        yield from short.to_be_asked(short.embedded_system(tmp_path_factory.mktemp("schemathesis")))
    else:
        asked = (request.getfixturevalue(name) for name in ("kafka", "postgres"))
        yield from short.to_be_asked(short.front_door(*asked))


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
