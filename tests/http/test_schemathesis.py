"""Schemathesis against the whole running system: every route keeps to the OpenAPI document, whatever it is asked."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
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
from schemathesis.specs.openapi.checks import ensure_resource_availability, positive_data_acceptance

from farandole.contract.choreography import FLOWS
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime import embedded
from farandole.runtime.demo import stock, wish
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from farandole.runtime.wiring import NAMES
from tests.http.conftest import Client
from tests.support.serving import served

WALKS = 10
"""Chance decides how many orders a walk places; so many walks at most are tried for enough of them."""
EXAMPLES = 4
"""Examples a route; `test_schemathesis_at_length` asks for many."""
STEPS = 6
# A JSON Schema cannot say what a cursor is, how many digits a currency has, or that a key is used once.
SAID_ELSEWHERE: list[Any] = [positive_data_acceptance]
# The monitor, the payment and all that follows hear of an order a moment after the customer has it.
HEARD_LATER: list[Any] = [*SAID_ELSEWHERE, ensure_resource_availability]
EXPECTED = {"/api/payments/{order_id}": [200, 200, 404], "/api/dead-letters/{dead_letter_id}": [404, 404, 404]}


def described() -> dict[str, Any]:
    """The document of the whole system, read at collection without starting anything."""
    stand_ins: Any = {name: SimpleNamespace(service=name) for name in NAMES}
    document: dict[str, Any] = Client(embedded._app(stand_ins, stand_ins)).get("/openapi.json").json()
    return document


def generated(examples: int, *modes: GenerationMode) -> Any:
    """The routes as Schemathesis asks them, with bounded and repeatable generation."""
    generation = GenerationConfig(deterministic=True, max_examples=examples, modes=list(modes))
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    return schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig(projects=projects, seed=1))


def everything(examples: int) -> Any:
    """All that the document allows, and what it excludes."""
    return generated(examples, *GenerationMode)


def bounded(examples: int) -> settings:
    every = list(HealthCheck)
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=every)


DOCUMENT = described()
READ_ONE = [path for path, methods in DOCUMENT["paths"].items() if "get" in methods and "{" in path]
API = everything(EXAMPLES)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a system in one process; `test_schemathesis_at_length` asks the front door of a cluster, too."""
    yield from to_be_asked(embedded_system(tmp_path_factory.mktemp("schemathesis")))


def to_be_asked(running: AbstractContextManager[str]) -> Iterator[str]:
    """A running system's one address; whatever it was asked, at the end honest orders dance and every invariant holds."""
    with running as address:
        drive_until(lambda: httpx.get(f"{address}/health/ready").is_success, pause)
        yield address
        with httpx.Client(base_url=address, timeout=60) as client:
            dance(client)
            violations = {one["id"]: one["violations"] for one in client.get("/api/invariants").json()}
            assert set(violations.values()) <= {0, None}, violations


@contextmanager
def embedded_system(folder: Path) -> Iterator[str]:
    """The system in one process behind a real HTTP server."""
    chosen = load({}, {"port": 0})
    bound = listen(chosen)
    with embedded.Embedded(chosen, folder) as system:
        with served(Server(system.app), bound):
            yield address(bound)
        assert system.halted() is None


@pytest.fixture(scope="module")
def orders(url: str) -> dict[str, str]:
    """An order of each flow by name, its dance over."""
    with httpx.Client(base_url=url, timeout=60) as client:
        return dance(client)


def dance(client: httpx.Client) -> dict[str, str]:
    """Place an order of each flow and wait until its dance is over."""
    stock(client)
    placed = {flow: client.post("/api/orders", json=wish(flow)).json()["id"] for flow in FLOWS}

    def over(order_id: str) -> bool:
        answer = client.get(f"/api/orders/{order_id}/timeline")
        return answer.is_success and not answer.json()["expected"]

    for order_id in placed.values():
        drive_until(partial(over, order_id), pause)
    return placed


def ask(case: schemathesis.Case[Any], url: str) -> None:
    """The answer is one that the document has, to a request that may be wrong."""
    case.call_and_validate(base_url=url, timeout=30, excluded_checks=SAID_ELSEWHERE)


@API.parametrize()  # type: ignore[untyped-decorator]  # Schemathesis leaves it untyped
@bounded(EXAMPLES)
def test_every_route_keeps_to_its_document_whatever_it_is_asked(case: schemathesis.Case[Any], url: str) -> None:
    ask(case, url)


def test_what_one_answer_names_is_asked_for_in_the_next(url: str) -> None:
    walk(API, url, EXAMPLES)


def walk(api: Any, url: str, examples: int) -> None:
    """Ask in the next request for what the last answer named, until enough orders were placed and followed."""
    asked: Counter[str] = Counter()

    class Following(api.as_state_machine()):  # type: ignore[misc]  # made at run time, from the document
        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            asked[case.operation.label] += 1
            return {"base_url": url, "timeout": 30}

        def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **kwargs: Any) -> None:
            given = {"excluded_checks": HEARD_LATER, "transport_kwargs": kwargs, "recorder": self.recorder}
            case.validate_response(response, additional_checks=additional_checks, **given)

    def enough() -> bool:
        followed = sum(count for label, count in asked.items() if "{order_id}" in label)
        return min(asked["POST /api/orders"], followed) > examples

    for _ in range(WALKS):
        Following.run(settings=settings(bounded(examples * 4), stateful_step_count=STEPS))
        if enough():
            return
    pytest.fail(f"expected more than {examples} orders placed and followed, found {asked}")


@pytest.mark.parametrize("path", READ_ONE)
def test_what_is_known_is_answered_as_documented(path: str, url: str, orders: dict[str, str]) -> None:
    operation = API[path]["GET"]
    found = []
    for order_id in orders.values():
        known = {"order_id": order_id, "sku": "tea", "dead_letter_id": order_id}
        case = operation.Case(path_parameters={p.name: known[p.name] for p in operation.path_parameters})
        answer = case.call_and_validate(base_url=url, timeout=30, excluded_checks=SAID_ELSEWHERE)
        found.append(answer.status_code)
    assert found == EXPECTED.get(path, [200] * len(FLOWS))


def test_the_described_routes_are_those_of_the_running_system(url: str) -> None:
    found = httpx.get(f"{url}/openapi.json").json()["paths"]
    assert {path: set(methods) for path, methods in found.items()} == {p: set(m) for p, m in DOCUMENT["paths"].items()}
