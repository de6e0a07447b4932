"""Every error is a problem detail, and none tells what is inside."""

from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from farandole.http import bodies
from farandole.http.problems import FieldError, Problem, invalid
from farandole.http.routes import get, json, post
from farandole.messaging.failure import Conflict, Refused, Transient
from tests.http.conftest import Client, Serve

PROBLEM = "application/problem+json"
RAISED = [
    (Problem(409, "twice"), 409),
    (invalid(FieldError("a", "b")), 422),
    (Transient("postgres at 10.0.0.1 is away"), 503),
    (Conflict("key"), 503),
    (Refused("no"), 422),
    (RuntimeError("the secret"), 500),
]


async def echo(request: Request) -> Response:
    return json(len(await bodies.read(request)))


@pytest.mark.parametrize(("error", "status"), RAISED)
def test_every_error_is_a_problem(serve: Serve, error: Exception, status: int) -> None:
    async def fail(_: Request) -> Response:
        raise error

    answer = serve([get("/fail", fail, "Fail")]).get("/fail")
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    assert answer.json()["type"] == "about:blank"
    assert not any(secret in answer.text for secret in ("secret", "10.0.0.1"))
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)


@pytest.fixture
def client(serve: Serve) -> Client:
    return serve([get("/a/{id}", echo, "Get"), post("/a/{id}", echo, "Post"), post("/echo", echo, "Echo")])


@pytest.mark.parametrize("path", ["/", "/none", "/echo/", "/a", "/a/b/c"])
def test_an_unknown_route_is_404(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_wrong_method_learns_of_every_right_one(client: Client, method: str) -> None:
    answer = client.request(method, "/a/b")
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/json-patch+json", ""])
def test_another_content_type_is_415(client: Client, media: str) -> None:
    answer = client.post("/echo", content=b"{}", headers={"content-type": media})
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)


def test_parameters_of_the_content_type_do_not_matter(client: Client) -> None:
    answer = client.post("/echo", content=b"{}", headers={"content-type": "Application/JSON; charset=utf-8"})
    assert answer.json() == 2


@pytest.mark.parametrize(("size", "status"), [(65_536, 200), (65_537, 413)])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_body_over_the_limit_is_413(client: Client, size: int, status: int, streamed: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * 60_000
        yield b" " * (size - 60_000)

    content = chunks() if streamed else b" " * size
    answer = client.post("/echo", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
