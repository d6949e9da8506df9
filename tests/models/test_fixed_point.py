"""Whole numbers of 2^-100 give the cents that exact arithmetic gives."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.annuity import equal_installment, installment_for
from models.fixed_point import ONE, ROUNDERS, growth_and_factor, scaled
from models.money import Rounding, rounded
from models.terms import LoanTerms

RATES = st.decimals(0, 5, places=6)


@pytest.mark.parametrize(
    ("rounding", "wholes"),
    [
        (Rounding.HALF_EVEN, [2, 2, 3, 4, 0]),
        (Rounding.HALF_UP, [2, 3, 3, 4, 0]),
        (Rounding.HALF_DOWN, [2, 2, 3, 3, 0]),
        (Rounding.DOWN, [2, 2, 2, 3, 0]),
        (Rounding.UP, [2, 3, 3, 4, 0]),
    ],
)
def test_a_number_is_rounded_as_it_was_agreed(rounding: Rounding, wholes: list[int]) -> None:
    numbers = (Fraction(2), Fraction(5, 2), Fraction(51, 20), Fraction(7, 2), Fraction(0))

    assert [ROUNDERS[rounding].whole(int(number * ONE)) for number in numbers] == wholes


@pytest.mark.parametrize("off", [-1, 1, -(1 << 40), 1 << 40])
@pytest.mark.parametrize("rounding", Rounding)
def test_what_the_bits_cannot_hold_decides_nothing(rounding: Rounding, off: int) -> None:
    for exact in (2 * ONE, (5 * ONE) >> 1, (7 * ONE) >> 1):
        assert ROUNDERS[rounding].whole(exact + off) == ROUNDERS[rounding].whole(exact)


@given(
    amount_minor=st.integers(0, 10**13),
    rate=st.fractions(0, 3, max_denominator=10**9) | st.integers(0, 40).map(lambda percent: Fraction(percent, 1200)),
    rounding=st.sampled_from(Rounding),
)
def test_interest_is_that_of_exact_arithmetic(amount_minor: int, rate: Fraction, rounding: Rounding) -> None:
    (number,) = scaled([Decimal(rate.numerator) / rate.denominator])
    floor, rest = divmod(amount_minor * rate, 1)
    half = Fraction(1, 2)
    up = {
        Rounding.HALF_EVEN: rest > half or (rest == half and floor % 2 == 1),
        Rounding.HALF_UP: rest >= half,
        Rounding.HALF_DOWN: rest > half,
        Rounding.DOWN: False,
        Rounding.UP: rest > 0,
    }[rounding]

    if min(abs(rest - point) for point in (0, half, 1)) > Fraction(1, 10**12) or rate.denominator < 10**4:
        assert ROUNDERS[rounding].whole(amount_minor * number) == floor + up


@given(rates=st.lists(RATES, min_size=1, max_size=40) | st.builds(lambda r, n: [r] * n, RATES, st.integers(1, 360)))
def test_the_installment_is_that_of_the_formula_in_decimals(rates: list[Decimal]) -> None:
    growth, factor = growth_and_factor(scaled(rates))

    found = Decimal(1_000_000 * growth) / factor

    assert abs(found - equal_installment(1_000_000, rates)) < Decimal("1e-12") * max(Decimal(1), found)


@given(
    principal_minor=st.integers(1, 10**11),
    rates=st.lists(st.decimals(0, 1, places=6), min_size=1, max_size=60),
)
def test_a_rounded_installment_is_the_formula_rounded(principal_minor: int, rates: list[Decimal]) -> None:
    terms = LoanTerms(principal_minor, "USD", Decimal(0), len(rates))
    exact = equal_installment(principal_minor, rates)

    if abs(exact % 1 - Decimal("0.5")) > Decimal("1e-9"):
        assert installment_for(principal_minor, rates, terms) == rounded(exact)


def test_a_principal_that_divides_to_half_a_cent_is_rounded_to_even() -> None:
    terms = LoanTerms(1_005, "USD", Decimal(0), 2)

    assert installment_for(1_005, terms.period_rates(disbursed_on=date(2026, 1, 15)), terms) == 502
