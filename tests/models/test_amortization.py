"""Schedules repay exactly what was lent, in installments a lender would recognize."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from models.amortization import NegativeAmortization, equal_installment, schedule_for
from models.dates import CalculationPeriod, DayCount, Frequency
from models.money import Rounding
from models.terms import Installment, LoanTerms, Method

DISBURSED_ON = date(2026, 1, 31)
YEAR = LoanTerms(2_500_000, "USD", Decimal("7.5"), 12)


def amounts(schedule: tuple[Installment, ...]) -> list[tuple[int, int]]:
    return [(row.principal_minor, row.interest_minor) for row in schedule]


@st.composite
def terms(draw: st.DrawFn) -> LoanTerms:
    installments = draw(st.integers(1, 36))
    method = draw(st.sampled_from([Method.EQUAL_INSTALLMENT, Method.FLAT, Method.FLAT_TOTAL_SPREAD]))
    most_grace = min(3, installments - 1) if method is Method.EQUAL_INSTALLMENT else 0
    return LoanTerms(
        principal_minor=draw(st.integers(1, 50_000_000)),
        currency="USD",
        annual_rate_percent=draw(st.decimals(0, 80, places=2)),
        installments=installments,
        frequency=draw(st.sampled_from([Frequency.DAYS, Frequency.WEEKS, Frequency.MONTHS])),
        every=draw(st.integers(1, 6)),
        method=method,
        day_count=draw(st.sampled_from(DayCount)),
        calculation_period=draw(st.sampled_from(CalculationPeriod)),
        rounding=draw(st.sampled_from(Rounding)),
        installment_multiple_minor=draw(st.none() | st.sampled_from([100, 1000])),
        principal_grace_installments=draw(st.integers(0, most_grace)),
        smoothed=draw(st.booleans()),
    )


def test_twelve_equal_installments_and_a_last_one_that_takes_the_residual() -> None:
    schedule = schedule_for(YEAR, disbursed_on=DISBURSED_ON)

    assert [row.total_minor for row in schedule] == [216_894] * 11 + [216_888]
    assert amounts(schedule)[0] == (201_269, 15_625)
    assert [row.number for row in schedule] == list(range(1, 13))
    assert schedule[0].due_on == date(2026, 2, 28)
    assert schedule[-1].due_on == date(2027, 1, 31)


def test_without_interest_the_principal_is_simply_divided() -> None:
    schedule = schedule_for(replace(YEAR, annual_rate_percent=Decimal(0), installments=3), disbursed_on=DISBURSED_ON)

    assert amounts(schedule) == [(833_333, 0), (833_333, 0), (833_334, 0)]


def test_a_single_installment_repays_everything() -> None:
    schedule = schedule_for(replace(YEAR, installments=1), disbursed_on=DISBURSED_ON)

    assert amounts(schedule) == [(2_500_000, 15_625)]


def test_the_installment_formula_is_the_annuity_of_the_textbooks_when_rates_are_equal() -> None:
    rate = Decimal("0.01")

    textbook = 1_000_000 * rate / (1 - (1 + rate) ** -24)

    assert abs(equal_installment(1_000_000, (rate,) * 24) - textbook) < Decimal("1e-15")


def test_an_installment_on_a_multiple_leaves_the_residual_to_the_last() -> None:
    whole = schedule_for(replace(YEAR, installment_multiple_minor=10_000), disbursed_on=DISBURSED_ON)

    assert {row.total_minor for row in whole[:-1]} == {220_000}
    assert whole[-1].total_minor == 181_414


def test_a_multiple_that_would_leave_nothing_to_pay_is_not_applied() -> None:
    tiny = LoanTerms(100, "EUR", Decimal(6), 3, installment_multiple_minor=100)

    assert [row.total_minor for row in schedule_for(tiny, disbursed_on=DISBURSED_ON)] == [34, 34, 32]


def test_smoothing_moves_the_residual_off_the_last_installment() -> None:
    tiny = LoanTerms(100, "EUR", Decimal(6), 3, installment_multiple_minor=100, smoothed=True)

    assert [row.total_minor for row in schedule_for(tiny, disbursed_on=DISBURSED_ON)] == [33, 33, 34]


def test_smoothing_leaves_an_installment_on_its_multiple() -> None:
    on_multiple = replace(YEAR, installment_multiple_minor=10_000)

    assert schedule_for(replace(on_multiple, smoothed=True), disbursed_on=DISBURSED_ON) == schedule_for(
        on_multiple, disbursed_on=DISBURSED_ON
    )


def test_smoothing_stops_when_it_no_longer_helps() -> None:
    hopeless = LoanTerms(5, "USD", Decimal(0), 4, smoothed=True)

    assert [row.total_minor for row in schedule_for(hopeless, disbursed_on=DISBURSED_ON)] == [1, 1, 1, 2]


def test_smoothing_is_tried_three_times_at_most() -> None:
    # half a cent of rounding, compounded for twenty years, is more than the whole loan: five rounds would still help
    stubborn = LoanTerms(7_654, "USD", Decimal("83.61"), 240, smoothed=True)

    schedule = schedule_for(stubborn, disbursed_on=DISBURSED_ON)

    assert schedule[0].total_minor - schedule[-1].total_minor == 561


def test_flat_interest_is_borne_by_the_original_principal() -> None:
    flat = LoanTerms(75_000, "USD", Decimal(12), 4, method=Method.FLAT)

    assert amounts(schedule_for(flat, disbursed_on=DISBURSED_ON)) == [(18_750, 750)] * 4


def test_flat_interest_spread_as_a_total_leaves_the_cents_to_the_last() -> None:
    spread = LoanTerms(100_00, "USD", Decimal(10), 3, method=Method.FLAT_TOTAL_SPREAD)

    assert amounts(schedule_for(spread, disbursed_on=DISBURSED_ON)) == [(3334, 83), (3334, 83), (3332, 84)]


def test_a_few_cents_of_flat_interest_never_leave_a_negative_rest() -> None:
    spread = LoanTerms(720, "USD", Decimal(1), 4, method=Method.FLAT_TOTAL_SPREAD)

    assert [row.interest_minor for row in schedule_for(spread, disbursed_on=DISBURSED_ON)] == [0, 0, 0, 2]


def test_during_principal_grace_only_interest_is_paid() -> None:
    balloon = LoanTerms(10_000, "EUR", Decimal(30), 3, principal_grace_installments=2)

    assert amounts(schedule_for(balloon, disbursed_on=DISBURSED_ON)) == [(0, 250), (0, 250), (10_000, 250)]


@pytest.mark.parametrize(
    ("hopeless", "field"),
    [
        (
            LoanTerms(1_000_000, "USD", Decimal(12), 120, installment_multiple_minor=10_000),
            "installment_multiple_minor",
        ),
        (LoanTerms(50, "USD", Decimal(24), 100), "annual_rate_percent"),
    ],
)
def test_an_installment_that_never_touches_the_principal_is_refused(hopeless: LoanTerms, field: str) -> None:
    with pytest.raises(NegativeAmortization, match="the principal would never be repaid") as refusal:
        schedule_for(hopeless, disbursed_on=DISBURSED_ON)

    assert refusal.value.field == field


@given(terms=terms(), disbursed_on=st.dates(date(2000, 1, 1), date(2060, 1, 1)))
def test_every_schedule_repays_its_principal_and_nothing_is_negative(terms: LoanTerms, disbursed_on: date) -> None:
    try:
        schedule = schedule_for(terms, disbursed_on=disbursed_on)
    except NegativeAmortization:
        reject()

    assert sum(row.principal_minor for row in schedule) == terms.principal_minor
    assert all(row.principal_minor >= 0 and row.interest_minor >= 0 for row in schedule)
    assert len(schedule) == terms.installments


@given(
    principal_minor=st.integers(10_000, 100_000_000),
    rate=st.decimals(0, 60, places=2),
    installments=st.integers(2, 60),
)
def test_the_last_installment_differs_by_the_rounding_of_the_others_at_most(
    principal_minor: int, rate: Decimal, installments: int
) -> None:
    schedule = schedule_for(LoanTerms(principal_minor, "USD", rate, installments), disbursed_on=DISBURSED_ON)

    # each row rounds its interest and each installment its formula, by half a cent; interest compounds the error
    growth = (1 + rate / 1200) ** installments
    assert abs(schedule[-1].total_minor - schedule[0].total_minor) <= installments * growth + 1
