"""The generated documents are valid, complete and readable."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client import CollectorRegistry

from farandole.contract.choreography import CHOREOGRAPHY, Service, topics
from farandole.http import operations
from farandole.http.asyncapi import asyncapi
from farandole.services.inventory import api as inventory
from farandole.services.notification import api as notification
from farandole.services.order import api as order
from farandole.services.payment import api as payment
from tests.http.conftest import Client, Serve
from tests.support.desk_for_tests import DeskForTests


@pytest.fixture
def client(order_desk: DeskForTests, serve: Serve) -> Client:
    desk = order_desk
    services = [route for api in (order, inventory, payment, notification) for route in api.routes(desk)]
    return serve([*services, *operations.routes(desk, CollectorRegistry())])


def resolve(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def references(document: Any) -> list[str]:
    if isinstance(document, list):
        return [found for item in document for found in references(item)]
    if not isinstance(document, dict):
        return []
    own = [document["$ref"]] if "$ref" in document else []
    return own + [found for item in document.values() for found in references(item)]


def test_the_openapi_document_is_valid(client: Client) -> None:
    document = client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def test_every_error_is_documented_as_a_problem(client: Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/api/orders"]["post"]
    assert {"201", "400", "413", "415", "422", "500", "503"} == set(operation["responses"])
    assert {parameter["name"] for parameter in operation["parameters"]} == {"Idempotency-Key", "Prefer"}
    for methods in document["paths"].values():
        for described in methods.values():
            for status, response in described["responses"].items():
                assert int(status) < 400 or list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("service", [None, *Service, "monitor"])
def test_every_reference_of_the_asyncapi_document_leads_somewhere(service: str | None) -> None:
    document = asyncapi(service)
    assert document["asyncapi"] == "3.0.0"
    for reference in references(document):
        assert resolve(document, reference)


def test_every_topic_and_step_is_in_the_asyncapi_document() -> None:
    document = asyncapi(None)
    assert set(document["channels"]) == {*topics(), "saga.steps"}
    sent = {name for name, operation in document["operations"].items() if operation["action"] == "send"}
    assert {f"{step.service}.send.{step.says.__name__}" for step in CHOREOGRAPHY if step.says} <= sent
    assert "inventory.send.StockReceived" in sent


def test_the_header_ce_dataschema_points_into_the_document() -> None:
    document = asyncapi(None)
    for topic in document["channels"]:
        assert resolve(document, f"components/schemas/{topic}/1")


def test_a_service_describes_only_its_own_topics() -> None:
    assert set(asyncapi("payment")["channels"]) == {"order.validated", "order.paid", "payment.failed"}


@pytest.mark.parametrize(("path", "word"), [("/docs", "/api/stock/{sku}/receipts"), ("/docs/events", "payment.failed")])
def test_the_pages_are_readable_without_scripts(client: Client, path: str, word: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert word in answer.text
    assert "<script" not in answer.text
    assert "//" not in answer.text.replace("<!doctype", "")
