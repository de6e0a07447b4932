"""What `test_schemathesis` asks, with many examples a route: run by `make proof`, or by `pytest -m proof`."""

from typing import Any

import pytest
import schemathesis

from tests.http import test_schemathesis as short
from tests.http.test_schemathesis import ask, bounded, walk

EXAMPLES = 15
API, WRONG = short.everything(EXAMPLES), short.wrong(EXAMPLES)

url = short.url
pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


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
