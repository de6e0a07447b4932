"""Schemathesis against the whole running system: every route keeps to the OpenAPI document, whatever it is asked."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from farandole.contract.choreography import FLOWS
from farandole.proof.ground.waiting import drive_until
from farandole.runtime import embedded
from farandole.runtime.demo import stock, wish
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from farandole.runtime.wiring import NAMES
from tests.http.conftest import Client

EXAMPLES = 8
# A JSON Schema cannot say what a cursor is, how many digits a currency has, or that a key is used once.
SAID_ELSEWHERE: list[Any] = [positive_data_acceptance]
EXPECTED = {"/api/payments/{order_id}": [200, 200, 404]}


def described() -> dict[str, Any]:
    """The document of the whole system, read at collection without starting anything."""
    stand_ins: Any = {name: SimpleNamespace(service=name) for name in NAMES}
    document: dict[str, Any] = Client(embedded._app(stand_ins)).get("/openapi.json").json()
    return document


def generated(document: dict[str, Any]) -> Any:
    """The routes as Schemathesis asks them, with bounded and repeatable generation."""
    generation = GenerationConfig(deterministic=True, max_examples=EXAMPLES, modes=list(GenerationMode))
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig(projects=projects, seed=1))


DOCUMENT = described()
READ_ONE = [path for path, methods in DOCUMENT["paths"].items() if "get" in methods and "{" in path]
API = generated(DOCUMENT)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The system in one process behind a real HTTP server, with an order that danced each flow."""
    chosen = load({}, {"port": 0})
    bound = listen(chosen)
    with embedded.Embedded(chosen, Path(tmp_path_factory.mktemp("schemathesis"))) as system:
        server = Server(system.app)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        serving.start()
        yield address(bound)
        server.should_exit = True
        serving.join()
        assert system.halted() is None


@pytest.fixture(scope="module")
def orders(url: str) -> dict[str, str]:
    """An order of each flow by name, its dance over."""
    with httpx.Client(base_url=url, timeout=30) as client:
        stock(client)
        placed = {flow: client.post("/api/orders", json=wish(flow)).json()["id"] for flow in FLOWS}

        def over(order_id: str) -> bool:
            answer = client.get(f"/api/orders/{order_id}/timeline")
            return answer.is_success and not answer.json()["expected"]

        for order_id in placed.values():
            drive_until(partial(over, order_id), lambda: None)
    return placed


@API.parametrize()  # type: ignore[untyped-decorator]  # Schemathesis leaves it untyped
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_every_route_keeps_to_its_document_whatever_it_is_asked(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url, timeout=30, excluded_checks=SAID_ELSEWHERE)


@pytest.mark.parametrize("path", READ_ONE)
def test_what_is_known_is_answered_as_documented(path: str, url: str, orders: dict[str, str]) -> None:
    operation = API[path]["GET"]
    found = []
    for order_id in orders.values():
        known = {"order_id": order_id, "sku": "tea"}
        case = operation.Case(path_parameters={p.name: known[p.name] for p in operation.path_parameters})
        answer = case.call_and_validate(base_url=url, timeout=30, excluded_checks=SAID_ELSEWHERE)
        found.append(answer.status_code)
    assert found == EXPECTED.get(path, [200] * len(FLOWS))


def test_the_described_routes_are_those_of_the_running_system(url: str) -> None:
    assert httpx.get(f"{url}/openapi.json").json() == DOCUMENT
