"""Money is exact: a decimal string outside, minor units inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farandole.contract.money import DIGITS, MalformedAmount, decimal, digits, minor

CURRENCIES = st.sampled_from(sorted(DIGITS))


@given(st.integers(0, 10**18 - 1), CURRENCIES)
def test_minor_units_survive_the_way_out_and_in(amount: int, currency: str) -> None:
    assert minor(decimal(amount, currency), currency) == amount


@given(st.integers(0, 10**12), CURRENCIES)
def test_an_amount_has_the_digits_of_its_currency(amount: int, currency: str) -> None:
    _, _, fraction = decimal(amount, currency).partition(".")
    assert len(fraction) == digits(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("19", "USD", 1900),
        ("19.9", "USD", 1990),
        ("19.99", "USD", 1999),
        ("0", "USD", 0),
        ("0.01", "USD", 1),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("10000.00", "EUR", 1_000_000),
    ],
)
def test_fewer_digits_are_filled_with_zeros(amount: str, currency: str, units: int) -> None:
    assert minor(amount, currency) == units


@pytest.mark.parametrize(
    "amount",
    [
        "",
        ".",
        "1.",
        ".5",
        "01",
        "-1",
        "+1",
        "1e3",
        "1,00",
        " 1",
        "1 ",
        "1\n",
        "1.999",
        "NaN",
        "Infinity",
        "\u0663",
        "1_0",
        "1" * 19,
    ],
)
def test_what_is_no_plain_decimal_is_refused(amount: str) -> None:
    with pytest.raises(MalformedAmount):
        minor(amount, "USD")


@pytest.mark.parametrize(
    ("amount", "currency"), [("9" * 17, "USD"), ("9" * 15 + ".9999", "CLF"), ("9" * 16 + ".5", "KWD")]
)
def test_minor_units_that_no_database_holds_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(MalformedAmount, match="10\\^18"):
        minor(amount, currency)


@pytest.mark.parametrize(("amount", "currency"), [("500.0", "JPY"), ("1.2345", "KWD")])
def test_more_digits_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(MalformedAmount, match=currency):
        minor(amount, currency)


@pytest.mark.parametrize("currency", ["XYZ", "usd", "", "XAU", "DEM"])
def test_what_is_no_active_currency_is_refused(currency: str) -> None:
    with pytest.raises(MalformedAmount, match="ISO 4217"):
        minor("1", currency)
