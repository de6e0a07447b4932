"""A wrong body is refused with every wrong field named, and never breaks the server."""

import pytest

from farandole.http.bodies import decode
from farandole.http.problems import Problem
from farandole.services.order.api import WantedOrder

GOOD = (
    b'{"customer": {"id": "c-42"}, "currency": "USD", "lines": [{"sku": "tea", "quantity": 2, "unit_price": "19.99"}]}'
)


def refusal(data: bytes) -> Problem:
    with pytest.raises(Problem) as refused:
        decode(data, WantedOrder)
    return refused.value


def fields(data: bytes) -> set[str]:
    problem = refusal(data)
    assert problem.status == 422
    return {error.field for error in problem.errors}


def test_a_valid_body_is_decoded() -> None:
    assert decode(GOOD, WantedOrder).lines[0].quantity == 2


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"NaN", b'"\xff"', b'{"a": "\\ud800"', b"[" * 60_000, b'{"a":' * 12_000, b'{"x": 1' + b"0" * 5000],
    ids=[
        "empty",
        "cut",
        "NaN",
        "not UTF-8",
        "cut surrogate",
        "nested arrays",
        "nested objects",
        "cut after big number",
    ],
)
def test_what_is_not_json_is_400(data: bytes) -> None:
    assert refusal(data).status == 400


def test_every_wrong_field_is_named() -> None:
    data = b"""{"customer": {"id": "", "email": "a", "nick": 1}, "currency": "usd", "extra": {},
        "lines": [{"sku": "tea", "quantity": 1, "unit_price": "1"}, {"sku": "a b", "quantity": "x"}, 4]}"""
    assert fields(data) == {
        "customer.id",
        "customer.email",
        "customer.nick",
        "currency",
        "extra",
        "lines[1].sku",
        "lines[1].quantity",
        "lines[1].unit_price",
        "lines[2]",
    }


@pytest.mark.parametrize("data", [b"[]", b"null", b'"text"', b"1"])
def test_a_body_that_is_no_object_is_422(data: bytes) -> None:
    assert fields(data) == {""}


@pytest.mark.parametrize("number", [b"9" * 5000, b"1e400", b"1" + b"0" * 30, b"-1", b"0", b"10001", b"1.5", b"true"])
def test_a_quantity_out_of_range_is_named(number: bytes) -> None:
    assert fields(GOOD.replace(b'"quantity": 2', b'"quantity": ' + number)) == {"lines[0].quantity"}


@pytest.mark.parametrize("text", [rb"a\u0000", rb"a\ud800", rb"a\udfffb", rb"a\n"])
def test_text_that_could_not_be_kept_is_refused(text: bytes) -> None:
    assert refusal(GOOD.replace(b"c-42", text)).status in (400, 422)


def test_a_final_line_break_is_not_overlooked() -> None:
    assert fields(GOOD.replace(b"tea", rb"tea\n").replace(b"19.99", rb"19.99\n")) == {
        "lines[0].sku",
        "lines[0].unit_price",
    }


def test_harmless_escapes_are_welcome() -> None:
    assert decode(GOOD.replace(b"c-42", rb"Ada \"Countess\" \u00e9"), WantedOrder).customer.id == 'Ada "Countess" é'


def test_nesting_where_it_is_bearable_is_an_invalid_field() -> None:
    assert fields(GOOD.replace(b'"tea"', b"[" * 300 + b"]" * 300)) == {"lines[0].sku"}


def test_more_than_100_lines_are_refused() -> None:
    line = b'{"sku": "tea", "quantity": 2, "unit_price": "19.99"}'
    assert fields(GOOD.replace(line, b", ".join([line] * 101))) == {"lines"}
    assert fields(GOOD.replace(line, b"")) == {"lines"}
