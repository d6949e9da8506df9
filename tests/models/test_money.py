"""Amounts become whole minor units exactly, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import (
    InvalidAmount,
    Rounding,
    UnknownCurrency,
    exponent_of,
    major_units,
    minor_units,
    rounded,
)


@pytest.mark.parametrize(("currency", "exponent"), [("JPY", 0), ("NGN", 2), ("USD", 2), ("KWD", 3)])
def test_every_currency_has_its_own_number_of_decimal_places(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["XXX", "usd", "", "HRK", "XAU"])
def test_a_code_that_is_no_active_currency_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency) as refusal:
        exponent_of(currency)

    assert refusal.value.field == "currency"
    assert repr(currency) in refusal.value.detail


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (25000, "USD", 2_500_000),
        ("0.01", "USD", 1),
        (Decimal("1.500"), "USD", 150),
        ("1.234", "KWD", 1234),
        ("-3.10", "EUR", -310),
        (Decimal("1E+3"), "JPY", 1000),
        ("9999999999999999.99", "USD", 999_999_999_999_999_999),
    ],
)
def test_an_amount_in_major_units_is_read_exactly(amount: Decimal | int | str, currency: str, minor: int) -> None:
    assert minor_units(amount, currency) == minor


@pytest.mark.parametrize(
    "amount",
    ["0.001", "1.0000000000000000000000000000000001", "NaN", "sNaN", "Infinity", "-Infinity", "1e999999999", "ten", ""],
)
def test_an_amount_that_is_no_whole_number_of_minor_units_is_refused_and_names_its_field(
    amount: Decimal | int | str,
) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        minor_units(amount, "USD", field="requestedAmount")

    assert refusal.value.field == "requestedAmount"
    assert refusal.value.detail == f"{amount} is not an amount of USD: 2 decimal places."


@pytest.mark.parametrize(
    ("rounding", "values"),
    [(Rounding.HALF_EVEN, [2, 4, -2]), (Rounding.HALF_UP, [3, 4, -3]), (Rounding.HALF_DOWN, [2, 3, -2])],
)
def test_a_half_goes_where_the_named_rounding_says(rounding: Rounding, values: list[int]) -> None:
    assert [rounded(Decimal(half), rounding) for half in ("2.5", "3.5", "-2.5")] == values


def test_rounding_is_half_even_unless_told_otherwise() -> None:
    assert rounded(Decimal("0.5")) == 0


@given(minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(["JPY", "USD", "KWD"]))
def test_major_and_minor_units_are_two_names_of_the_same_amount(minor: int, currency: str) -> None:
    assert minor_units(major_units(minor, currency), currency) == minor
