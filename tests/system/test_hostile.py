"""Whatever a stranger sends, to one process or to the front door of many, is a problem that names what is wrong, never a 5xx."""

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from farandole.proof.ground.cluster import Embedded
from farandole.proof.hostile.halves import cluster_half
from farandole.runtime.wiring import NAMES

LINE = {"sku": "tea", "quantity": 1, "unit_price": "10.00"}
ORDER: dict[str, Any] = {"customer": {"id": "c-1"}, "currency": "USD", "lines": [LINE]}
JSON = {"Content-Type": "application/json"}
NO_STRUCTS: list[object] = [None, 1, "x", True, [], 1e300]
NO_TEXTS: list[object] = [None, 1, True, [], {}, "", "a\x00b", "\ud800", "x" * 500, "tea\n", "10.00\n", "USD\n"]
NO_QUANTITIES: list[object] = [None, "1", 0, -1, 10_001, 1.5, 10**30, True, [], 2**64]
UNKNOWN = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"


@pytest.fixture(
    scope="module", params=["one process", pytest.param("front door", marks=[pytest.mark.kafka, pytest.mark.postgres])]
)
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with contextlib.ExitStack() as stack:
        if request.param == "one process":
            url = stack.enter_context(Embedded(tmp_path_factory.mktemp("hostile") / "data")).url
        else:
            kafka, postgres = (request.getfixturevalue(name) for name in ("kafka", "postgres"))
            databases = {name: postgres.migrated(name) for name in NAMES}
            url = stack.enter_context(cluster_half(kafka, f"test-{uuid.uuid4().hex[:12]}.", databases)).url
        client = stack.enter_context(httpx.Client(base_url=url, timeout=20))
        yield client
        honest = client.post("/api/orders", json=ORDER, headers={"Prefer": "wait=20"})
        assert (honest.status_code, honest.json()["status"]) == (201, "FAILED")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], bool(body["title"])) == (status, True)
    return body


def fields(answer: httpx.Response) -> set[str]:
    errors = problem(answer, 422)["errors"]
    assert all(error["message"] for error in errors)
    return {error["field"] for error in errors}


def post(up: httpx.Client, content: bytes | str, **headers: str) -> httpx.Response:
    return up.post("/api/orders", content=content, headers=JSON | headers, timeout=20)


def raw(up: httpx.Client, request: bytes, *, half_close: bool = True) -> bytes:
    """All that a server says to bytes, until it closes the connection; who half-closes hears only what is said at once."""
    where = up.base_url
    with socket.create_connection((where.host, where.port or 0), timeout=10) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    return said


def changed(path: str, value: object) -> dict[str, Any]:
    """The honest order with one field changed."""
    order: dict[str, Any] = json.loads(json.dumps(ORDER))
    place: Any = order
    *way, last = path.replace("[0]", ".0").split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return order


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b"[1,]",
        b"{'a': 1}",
        b'{"a": 1} trailing',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"customer": "\xff\xfe"}',
        b'{"customer": "\xed\xa0\x80"}',
        b'{"customer": "a\x00b"}',
        b'{"customer": NaN}',
        b'{"customer": Infinity}',
        b'{"customer": 01}',
        json.dumps(ORDER).encode("utf-16"),
        b"[" * 30_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"lines":' * 6_000 + b"1" + b"}" * 6_000,
    ],
    ids=lambda body: body[:14].decode("latin-1").encode("unicode-escape").decode(),
)
def test_what_is_not_json_is_400(up: httpx.Client, body: bytes) -> None:
    problem(post(up, body), 400)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((path, value) for path in ("customer", "lines", "lines[0]") for value in NO_STRUCTS),
        *(
            (path, value)
            for path in ("currency", "customer.id", "lines[0].sku", "lines[0].unit_price")
            for value in NO_TEXTS
        ),
        *(("lines[0].quantity", value) for value in NO_QUANTITIES),
        *(
            ("lines[0].unit_price", value)
            for value in (
                "-1",
                "0",
                "0.00",
                "1e3",
                "+1",
                "1.",
                ".5",
                "01.00",
                "1.001",
                "1,00",
                "\u0663",
                "NaN",
                "9" * 400,
            )
        ),
        *(("currency", value) for value in ("usd", "XXX", "ZZZ", "DEM", "XTS", "US", "USDX", "\uff35SD")),
        *(("customer.email", value) for value in ("x", 1, "a@b\r\nBcc: x@y", "@", "a" * 250 + "@example.com")),
        *(("customer.phone", value) for value in ("+0123", "123", "+1 415", "+1" * 20, "+14155550123\n", 5)),
        *(("lines[0].sku", value) for value in ("a b", "a/b", "é", "x" * 65, "../..", "tea\n")),
        *((path, 1) for path in ("surprise", "customer.surprise", "lines[0].surprise")),
    ],
)
def test_a_wrong_field_is_named(up: httpx.Client, path: str, value: object) -> None:
    assert any(field.startswith(path) for field in fields(post(up, json.dumps(changed(path, value)))))


def test_every_wrong_field_is_named_at_once(up: httpx.Client) -> None:
    line = {"sku": "a b", "quantity": -1, "unit_price": "1e3", "gift": True}
    order = {"customer": {"id": "", "email": "x", "phone": "1"}, "currency": "usd", "lines": [LINE, line], "no": 1}
    assert fields(post(up, json.dumps(order))) == {
        *("customer.id", "customer.email", "customer.phone", "currency", "no"),
        *("lines[1].sku", "lines[1].quantity", "lines[1].unit_price", "lines[1].gift"),
    }


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "9" * 400, "1" + "0" * 5000, "1.0e99999999", "-0"])
def test_numbers_no_machine_holds_are_refused_and_named(up: httpx.Client, number: str) -> None:
    body = json.dumps(changed("lines[0].quantity", 7)).replace("7", number)
    assert "lines[0].quantity" in fields(post(up, body))


def test_money_has_its_currencys_digits(up: httpx.Client) -> None:
    yen = changed("currency", "JPY")
    assert fields(post(up, json.dumps(yen))) == {"lines[0].unit_price"}
    yen["lines"][0]["unit_price"] = "1000"
    assert post(up, json.dumps(yen)).json()["total"] == "1000"
    assert post(up, json.dumps(changed("lines[0].unit_price", "19"))).json()["total"] == "19.00"
    dinar = changed("currency", "KWD")
    dinar["lines"][0]["unit_price"] = "1.001"
    assert post(up, json.dumps(dinar)).json()["total"] == "1.001"


def test_an_order_has_one_to_a_hundred_lines_and_a_bounded_total(up: httpx.Client) -> None:
    assert fields(post(up, json.dumps(changed("lines", [])))) == {"lines"}
    assert fields(post(up, json.dumps(changed("lines", [LINE] * 101)))) == {"lines"}
    dear = LINE | {"quantity": 10_000, "unit_price": "1000000.00"}
    assert fields(post(up, json.dumps(changed("lines", [dear])))) == {"lines"}
    assert post(up, json.dumps(changed("lines", [LINE | {"unit_price": "9999999999.99"}]))).status_code == 201
    assert post(up, json.dumps(changed("lines", [LINE] * 100))).status_code == 201


def test_a_body_beyond_64_kib_is_413_however_it_comes(up: httpx.Client) -> None:
    big = b'{"a": "' + b"x" * 70_000 + b'"}'
    problem(post(up, big), 413)

    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536

    with contextlib.suppress(httpx.WriteError):  # the server may close before it was told everything
        problem(up.post("/api/orders", content=chunks(), headers=JSON, timeout=20), 413)
    announced = b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
    assert b" 413 " in raw(up, announced + b"9999999999999999\r\n\r\n{}").split(b"\r\n")[0]
    problem(up.post("/api/stock/tea/receipts", content=big, headers=JSON), 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/jsonx", "é", "a" * 5000])
def test_another_content_type_is_415(up: httpx.Client, kind: str) -> None:
    headers = {b"Content-Type": kind.encode()}
    problem(up.post("/api/orders", content=json.dumps(ORDER), headers=headers), 415)


def test_the_content_type_may_have_parameters(up: httpx.Client) -> None:
    assert post(up, json.dumps(ORDER), **{"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere", "/api", "/api/orders/", "/api/orders/x", "/api//orders", "/%00", "/api/orders/%00", "/api/%ff"),
        *(
            f"/api/orders/{UNKNOWN}",
            f"/api/orders/{UNKNOWN.upper()}",
            f"/api/orders/{UNKNOWN}%0a",
            "/api/orders/%2e%2e",
        ),
        *(f"/api/reservations/{UNKNOWN}", f"/api/payments/{UNKNOWN}", f"/api/orders/{UNKNOWN}/timeline"),
        *("/api/reservations/x", "/api/payments/%00", "/api/stock/unicorn", "/api/stock/%00", "/api/stock/a%2Fb"),
        *("/api/stock/%ed%a0%80", "/api/orders/" + "x" * 5000, "/api/orders/x/events", "/api/orders/%00/diagram"),
    ],
)
def test_what_is_not_there_is_404(up: httpx.Client, path: str) -> None:
    problem(up.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *(("DELETE", path, {"GET", "HEAD"}) for path in ("/", "/api/invariants", "/api/stock", "/health/live")),
        ("PUT", "/api/orders", {"GET", "HEAD", "POST"}),
        ("POST", f"/api/orders/{UNKNOWN}", {"GET", "HEAD"}),
        ("GET", "/api/stock/tea/receipts", {"POST"}),
        ("HEAD", "/api/stock/tea/receipts", {"POST"}),
        ("GET", f"/api/dead-letters/{UNKNOWN}/replay", {"POST"}),
        ("PATCH", "/api/orders", {"GET", "HEAD", "POST"}),
    ],
)
def test_a_wrong_method_is_405_and_told_the_right_ones(
    up: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = up.request(method, path)
    assert answer.status_code == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/orders", "/api/stock", "/api/dead-letters"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "201", "-1", "x", "", "1.5", "9" * 5000, "1e2", "\u0663", "%00", "+5")),
        *(("cursor", value) for value in ("", "x", "%00", "A" * 5000, "%ff", "Jw", "====", "JyBPUiAxPTE")),
    ],
)
def test_an_absurd_page_is_refused_and_named(up: httpx.Client, path: str, name: str, value: str) -> None:
    assert fields(up.get(f"{path}?{name}={value}")) == {name}


@pytest.mark.parametrize("query", ["status=OPEN", "status=", "status=pending", "status=%00", "status=COMPLETED%0a"])
def test_an_unknown_status_is_refused(up: httpx.Client, query: str) -> None:
    assert fields(up.get(f"/api/orders?{query}")) == {"status"}


@pytest.mark.parametrize(
    ("path", "name"),
    [("/api/orders", "customer_id"), ("/api/notifications", "order_id"), ("/api/choreography", "flow")],
)
@pytest.mark.parametrize("value", ["", "%00", "%ed%a0%80", "x" * 5000, "' OR 1=1 --", "%ff", "a%0a"])
def test_an_absurd_filter_finds_nothing_or_is_refused(up: httpx.Client, path: str, name: str, value: str) -> None:
    answer = up.get(f"{path}?{name}={value}")
    if answer.status_code == 200:
        assert answer.json()["items"] == []
    else:
        assert fields(answer) == {name}


@pytest.mark.parametrize("key", [b"", b" ", b"x" * 129, b"a\x00b", b"a\x7fb", b"a\tb", b"\xc2\x85", b"a\xc2\xa0"])
def test_an_unprintable_key_is_refused(up: httpx.Client, key: bytes) -> None:
    request = b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    body = json.dumps(ORDER).encode()
    said = raw(
        up, request + b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s" % (key, len(body), body), half_close=False
    )
    assert said.split(b" ")[1] in (b"400", b"422")


@pytest.mark.parametrize("key", [b"x", b"x" * 128, "clé 1".encode(), b"a b", b"'; DROP TABLE orders; --"])
def test_a_printable_key_is_taken(up: httpx.Client, key: bytes) -> None:
    headers = {b"Content-Type": b"application/json", b"Idempotency-Key": key}
    answers = [up.post("/api/orders", content=json.dumps(ORDER), headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]


@pytest.mark.parametrize("prefer", [b"wait=-1", b"wait", b"wait=", b"wait=1e9", b"wait=x;y", b",,,", b"\xff=\xff"])
def test_an_absurd_preference_is_overlooked(up: httpx.Client, prefer: bytes) -> None:
    headers = {b"Content-Type": b"application/json", b"Prefer": prefer}
    answer = up.post("/api/orders", content=json.dumps(ORDER), headers=headers)
    assert (answer.status_code, "Preference-Applied" in answer.headers) == (201, False)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /api/orders/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/orders?status=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/orders HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /api/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
    ],
    ids=lambda request: request[:24].decode("latin-1").encode("unicode-escape").decode(),
)
def test_bytes_that_are_hardly_http_are_no_server_error(up: httpx.Client, request_bytes: bytes) -> None:
    said = raw(up, request_bytes)
    assert said == b"" or said.split(b" ")[1][:1] in (b"2", b"4"), said[:200]


@pytest.mark.parametrize("quantity", [0, -1, 10**9 + 1, 10**30, "5", None, 1.5, True, [], {}])
def test_goods_in_are_one_to_a_milliard(up: httpx.Client, quantity: object) -> None:
    answer = up.post("/api/stock/herbs/receipts", json={"quantity": quantity})
    assert fields(answer) == {"quantity"}
    problem(up.get("/api/stock/herbs"), 404)


def test_goods_in_never_run_over(up: httpx.Client) -> None:
    for place in range(12):
        answer = up.post("/api/stock/sand/receipts", json={"quantity": 10**9})
        assert (answer.status_code, answer.json()["available"]) == (201, 10**9 * (place + 1))


def test_a_receipts_key_counts_per_sku_and_is_refused_for_another_quantity(up: httpx.Client) -> None:
    def receive(sku: str, quantity: int) -> httpx.Response:
        headers = {"Idempotency-Key": "delivery-1"}
        return up.post(f"/api/stock/{sku}/receipts", json={"quantity": quantity}, headers=headers)

    assert [receive("salt", 5).json()["available"] for _ in range(2)] == [5, 5]
    assert receive("pepper", 5).json()["available"] == 5
    problem(receive("salt", 6), 422)


@pytest.mark.parametrize("sku", ["a%20b", "%00", "x" * 65, "%ff", "a%0a"])
def test_goods_in_for_an_impossible_sku_are_refused(up: httpx.Client, sku: str) -> None:
    answer = up.post(f"/api/stock/{sku}/receipts", json={"quantity": 1})
    problem(answer, answer.status_code)
    assert answer.status_code in (404, 422)


def test_a_name_said_twice_in_an_order_is_no_server_error(up: httpx.Client) -> None:
    body = json.dumps(ORDER)[:-1] + ', "currency": "EUR"}'
    assert post(up, body).status_code in (201, 400, 422)


def test_replaying_what_was_never_parked_is_404(up: httpx.Client) -> None:
    for name in (UNKNOWN, "x", "%00"):
        problem(up.post(f"/api/dead-letters/{name}/replay"), 404)
