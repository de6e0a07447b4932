"""Schemathesis against the whole running system: every route keeps to the OpenAPI document, whatever it is asked."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from farandole.contract.choreography import FLOWS
from farandole.runtime.demo import stock, wish
from farandole.runtime.embedded import Embedded
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from tests.support.waiting import drive_until

EXAMPLES = 20
# A JSON Schema cannot say what a cursor is, how money has its currency's digits, or that a key is used once.
SAID_ELSEWHERE = [positive_data_acceptance]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The system in one process behind a real HTTP server, with an order that danced each flow."""
    chosen = load({}, {"port": 0})
    bound = listen(chosen)
    with Embedded(chosen, Path(tmp_path_factory.mktemp("schemathesis"))) as system:
        server = Server(system.app)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        serving.start()
        yield address(bound)
        server.should_exit = True
        serving.join()
        assert system.halted() is None


@pytest.fixture(scope="module")
def api(url: str) -> Any:
    """The document as it is served, with bounded and repeatable generation."""
    generation = GenerationConfig(deterministic=True, max_examples=EXAMPLES, modes=list(GenerationMode))
    project = ProjectConfig(generation=generation, request_timeout=20)
    load_all_checks()
    return schemathesis.openapi.from_url(
        f"{url}/openapi.json", config=SchemathesisConfig(projects=ProjectsConfig(default=project), seed=1)
    )


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
            drive_until(lambda order_id=order_id: over(order_id), lambda: None)
    return placed


document = schemathesis.pytest.from_fixture("api")


@document.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@pytest.mark.timeout(180)
def test_every_route_keeps_to_its_document_whatever_it_is_asked(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=SAID_ELSEWHERE)


def test_what_is_known_is_answered_as_documented(api: Any, orders: dict[str, str]) -> None:
    asked = 0
    for result in api.get_all_operations():
        operation = result.ok()
        if operation.method.upper() != "GET" or "{" not in operation.path:
            continue
        for order_id in orders.values():
            known = {"order_id": order_id, "sku": "tea"}
            path = {p.name: known[p.name] for p in operation.path_parameters}
            answer = operation.Case(path_parameters=path).call_and_validate(excluded_checks=SAID_ELSEWHERE)
            missing = {"/api/reservations/{order_id}", "/api/payments/{order_id}"}
            assert answer.status_code == 200 or operation.path in missing, (operation.path, answer.status_code)
            asked += answer.status_code == 200
    assert asked >= 3 * len(orders)
