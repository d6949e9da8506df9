"""Every way of paying a loan back, in figures that a lender would recognize."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from models.amortization import NegativeAmortization, schedule_for
from models.business_days import BusinessDayRule, BusinessDays, InterestAdjustment
from models.dates import CalculationPeriod, DayCount, Frequency
from models.money import Rounding
from models.terms import DeferredInterest, InvalidTerms, LoanTerms, Method, Residual

ON = date(2026, 1, 15)
LOAN = LoanTerms(100_000, "USD", Decimal(12), 4)


def amounts(**changes: Any) -> list[tuple[int, int]]:
    rows = schedule_for(replace(LOAN, **changes), disbursed_on=ON)
    return [(row.principal_minor, row.interest_minor) for row in rows]


# ---------------------------------------------------------------- methods


def test_equal_principal_bears_less_interest_each_time() -> None:
    assert amounts(method=Method.EQUAL_PRINCIPAL) == [(25_000, 1000), (25_000, 750), (25_000, 500), (25_000, 250)]


def test_equal_principal_leaves_the_residual_to_the_installment_that_was_agreed() -> None:
    def principal(residual: Residual) -> list[int]:
        loan = amounts(method=Method.EQUAL_PRINCIPAL, installments=7, annual_rate_percent=Decimal(0), residual=residual)
        return [row[0] for row in loan]

    assert principal(Residual.LAST) == [14_286] * 6 + [14_284]
    assert principal(Residual.FIRST) == [14_284] + [14_286] * 6
    assert principal(Residual.SPREAD) == [14_286, 14_286, 14_286, 14_286, 14_285, 14_286, 14_285]


def test_equal_principal_in_parts_too_large_ends_early() -> None:
    loan = amounts(
        method=Method.EQUAL_PRINCIPAL,
        principal_minor=1000,
        annual_rate_percent=Decimal(0),
        installment_multiple_minor=400,
    )

    assert [row[0] for row in loan] == [400, 400, 200, 0]


def test_a_balloon_is_left_to_the_last() -> None:
    assert amounts(method=Method.BALLOON, balloon_minor=40_000) == [
        (14_777, 1000),
        (14_925, 852),
        (15_074, 703),
        (55_224, 552),
    ]


def test_interest_only_brings_the_principal_back_at_the_end() -> None:
    assert amounts(method=Method.INTEREST_ONLY) == [(0, 1000), (0, 1000), (0, 1000), (100_000, 1000)]


def test_a_bullet_is_one_payment_of_principal_and_all_interest() -> None:
    rows = schedule_for(replace(LOAN, method=Method.BULLET), disbursed_on=ON)

    assert [(row.due_on, row.principal_minor, row.interest_minor) for row in rows] == [
        (date(2026, 5, 15), 100_000, 4000)
    ]


def test_flat_interest_and_principal_in_equal_parts() -> None:
    assert amounts(method=Method.FLAT_EQUAL_PARTS, installments=3, annual_rate_percent=Decimal(10)) == [
        (33_333, 833),
        (33_333, 833),
        (33_334, 834),
    ]


def test_flat_interest_is_paid_during_grace_on_principal() -> None:
    assert amounts(method=Method.FLAT, principal_grace_installments=2) == [
        (0, 1000),
        (0, 1000),
        (50_000, 1000),
        (50_000, 1000),
    ]


def test_flat_interest_in_equal_parts_during_grace_on_principal() -> None:
    assert amounts(method=Method.FLAT_EQUAL_PARTS, principal_grace_installments=3) == [
        (0, 1000),
        (0, 1000),
        (0, 1000),
        (100_000, 1000),
    ]


def test_forgiven_flat_interest_is_spread_over_the_installments_that_bear_any() -> None:
    graced = amounts(
        method=Method.FLAT_EQUAL_PARTS, interest_grace_installments=1, interest_grace=DeferredInterest.FORGIVEN
    )

    assert graced == [(25_000, 0), (25_000, 1000), (25_000, 1000), (25_000, 1000)]


def test_flat_loans_without_interest_have_none() -> None:
    free = amounts(method=Method.FLAT_EQUAL_PARTS, annual_rate_percent=Decimal(0))

    assert free == [(25_000, 0)] * 4


# ---------------------------------------------------------------- rounding


WHOLE = LoanTerms(
    100_000,
    "EUR",
    Decimal(36),
    6,
    calculation_period=CalculationPeriod.SAME_AS_REPAYMENT_PERIOD,
    rounding=Rounding.HALF_UP,
    rounding_unit_minor=100,
)


@pytest.mark.parametrize(
    ("residual", "totals"),
    [
        (Residual.LAST, [185, 185, 185, 185, 185, 183]),
        (Residual.FIRST, [183, 185, 185, 185, 185, 185]),
        (Residual.SPREAD, [185, 185, 184, 185, 184, 185]),
    ],
)
def test_installments_in_whole_units_leave_the_residual_where_it_was_agreed(
    residual: Residual, totals: list[int]
) -> None:
    rows = schedule_for(replace(WHOLE, residual=residual), disbursed_on=ON)

    assert [row.total_minor // 100 for row in rows] == totals
    assert all(row.principal_minor % 100 == 0 and row.interest_minor % 100 == 0 for row in rows)


def test_a_loan_that_ends_before_its_last_installment_leaves_no_residual() -> None:
    multiple = replace(
        WHOLE, annual_rate_percent=Decimal(0), installment_multiple_minor=24_000, residual=Residual.FIRST
    )

    assert [row.principal_minor for row in schedule_for(multiple, disbursed_on=ON)] == [24_000] * 4 + [4_000, 0]


def test_what_an_installment_on_a_multiple_falls_short_by_is_due_first() -> None:
    multiple = replace(
        WHOLE, annual_rate_percent=Decimal(0), installment_multiple_minor=12_000, residual=Residual.FIRST
    )

    assert [row.principal_minor for row in schedule_for(multiple, disbursed_on=ON)] == [40_000] + [12_000] * 5


def test_a_long_month_may_cost_more_than_the_installment() -> None:
    dear = replace(LOAN, annual_rate_percent=Decimal(200), installments=60, day_count=DayCount.ACTUAL_365)

    first, second, *_ = schedule_for(dear, disbursed_on=date(2026, 1, 31))

    assert first.principal_minor > 0
    assert (second.principal_minor, second.interest_minor > first.total_minor) == (0, True)


# ---------------------------------------------------------------- grace, moratorium, down payment


def test_grace_on_interest_keeps_the_installment_and_asks_for_the_interest_later() -> None:
    rows = amounts(interest_grace_installments=1)

    # the installment of 256.28 repays principal only, then what the free period bore comes on top of the next
    assert rows == [(25_628, 0), (23_884, 1744), (25_123, 505), (25_365, 254)]
    assert {principal + interest for principal, interest in rows[:-1]} == {25_628}


def test_grace_on_interest_may_be_asked_for_on_top_of_the_installment() -> None:
    plain, graced = amounts(), amounts(interest_grace_installments=2, interest_grace=DeferredInterest.ON_TOP)

    assert [principal for principal, _ in graced] == [principal for principal, _ in plain]
    assert [interest for _, interest in graced] == [0, 0, sum(interest for _, interest in plain[:3]), plain[3][1]]


def test_interest_forgiven_after_a_moratorium_is_that_of_the_first_installments_to_be_paid() -> None:
    rows = amounts(
        moratorium_installments=1,
        moratorium_interest=DeferredInterest.FORGIVEN,
        interest_grace_installments=1,
        interest_grace=DeferredInterest.FORGIVEN,
    )

    assert [interest > 0 for _, interest in rows] == [False, False, True, True]


def test_deferred_interest_goes_as_far_as_the_installment_does() -> None:
    rows = amounts(annual_rate_percent=Decimal(120), installments=6, interest_grace_installments=3)

    assert [interest for _, interest in rows[:3]] == [0, 0, 0]
    assert rows[3][0] + rows[3][1] == rows[0][0]


def test_forgiven_interest_is_never_asked_for() -> None:
    rows = amounts(interest_grace_installments=2, interest_grace=DeferredInterest.FORGIVEN)

    assert rows == [(25_186, 0), (25_186, 0), (24_690, 496), (24_938, 249)]


@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.FLAT])
def test_grace_on_interest_leaves_the_principal_alone(method: Method) -> None:
    plain, graced = amounts(method=method), amounts(method=method, interest_grace_installments=2)

    assert [row[0] for row in graced] == [row[0] for row in plain]
    assert [row[1] for row in graced[:2]] == [0, 0]
    assert graced[2][1] == sum(row[1] for row in plain[:3])


def test_within_grace_on_principal_the_free_interest_comes_with_the_first_that_bears_any() -> None:
    assert amounts(principal_grace_installments=2, interest_grace_installments=1) == [
        (0, 0),
        (0, 2000),
        (49_751, 1000),
        (50_249, 502),
    ]


def test_grace_on_interest_may_outlast_that_on_principal() -> None:
    rows = amounts(principal_grace_installments=1, interest_grace_installments=2)

    assert [interest for _, interest in rows[:2]] == [0, 0]
    assert rows[2][1] == 1000 + 1000 + 660


def test_the_interest_of_a_moratorium_is_capitalized() -> None:
    rows = amounts(moratorium_installments=2)

    assert rows[:2] == [(0, 0), (0, 0)]
    # 1,000.00 have grown to 1,020.10, paid back in two installments; the 20.10 remain interest
    assert rows[2:] == [(48_741, 3030), (51_259, 513)]


@pytest.mark.parametrize(("treatment", "interest"), [(DeferredInterest.ADDED, 3000), (DeferredInterest.FORGIVEN, 1000)])
def test_the_interest_of_a_moratorium_is_added_to_the_first_or_forgiven(
    treatment: DeferredInterest, interest: int
) -> None:
    assert amounts(moratorium_installments=2, moratorium_interest=treatment) == [
        (0, 0),
        (0, 0),
        (49_751, interest),
        (50_249, 502),
    ]


def test_a_down_payment_is_due_at_once_and_bears_no_interest() -> None:
    rows = schedule_for(replace(LOAN, down_payment_percent=Decimal(25)), disbursed_on=ON)

    assert (rows[0].due_on, rows[0].principal_minor, rows[0].interest_minor) == (ON, 25_000, 0)
    assert rows[1].interest_minor == 750
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]


# ---------------------------------------------------------------- dates


def test_a_fixed_length_shortens_the_last_period() -> None:
    rows = schedule_for(
        replace(LOAN, installments=3, frequency=Frequency.DAYS, every=15, fixed_length=40), disbursed_on=ON
    )

    assert [(row.due_on - ON).days for row in rows] == [15, 30, 40]
    assert rows[-1].interest_minor == round(rows[-1].principal_minor * Decimal("0.12") * 10 / 360)


def test_agreed_dates_bear_interest_for_what_lies_between_them() -> None:
    dates = (date(2026, 2, 15), date(2026, 4, 15), date(2026, 5, 30))
    terms = replace(LOAN, installments=3, frequency=Frequency.CUSTOM, custom_due_dates=dates, method=Method.FLAT)

    rows = schedule_for(terms, disbursed_on=ON)

    assert tuple(row.due_on for row in rows) == dates
    assert [row.interest_minor for row in rows] == [1000, 2000, 1484]  # one month, two, and one and 15 days of 31


def test_interest_follows_a_moved_due_date_only_where_that_was_agreed() -> None:
    def interest(adjustment: InterestAdjustment) -> list[int]:
        terms = replace(
            LOAN,
            installments=3,
            method=Method.FLAT,
            day_count=DayCount.ACTUAL_365,
            business_days=BusinessDays(interest=adjustment),
        )
        return [row.interest_minor for row in schedule_for(terms, disbursed_on=ON)]

    # 15 February and 15 March 2026 are Sundays
    assert interest(InterestAdjustment.UNADJUSTED) == [1019, 921, 1019]
    assert interest(InterestAdjustment.ADJUSTED) == [1052, 921, 986]
    assert interest(InterestAdjustment.FIRST_PERIOD) == [1052, 921, 1019]


def test_only_the_first_period_is_adjusted_after_a_down_payment_too() -> None:
    terms = replace(
        LOAN,
        down_payment_percent=Decimal(50),
        business_days=BusinessDays(interest=InterestAdjustment.FIRST_PERIOD),
    )

    assert schedule_for(terms, disbursed_on=ON)[1].interest_minor == round(Decimal(500) * 32 / 31)
    assert schedule_for(terms, disbursed_on=date(2026, 1, 20))[1].interest_minor == 500


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frequency": Frequency.DAYS, "business_days": BusinessDays()}, "business_days"),
        ({"fixed_length": 3}, "fixed_length"),
        ({"frequency": Frequency.CUSTOM, "installments": 1, "custom_due_dates": (ON,)}, "custom_due_dates"),
        ({"every": 100_000}, "every"),
    ],
)
def test_dates_that_make_no_schedule_are_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        schedule_for(replace(LOAN, **changes), disbursed_on=ON)

    assert refusal.value.field == field


# ---------------------------------------------------------------- what holds of all of them


@st.composite
def loans(draw: st.DrawFn) -> LoanTerms:
    method = draw(st.sampled_from(Method))
    installments = draw(st.integers(1, 24))
    most_grace = 0 if method in {Method.INTEREST_ONLY, Method.BULLET} else min(3, installments - 1)
    moratorium = draw(st.integers(0, most_grace))
    principal = draw(st.integers(2, 10_000_000))
    return LoanTerms(
        principal_minor=principal,
        currency="USD",
        annual_rate_percent=draw(st.decimals(0, 60, places=2)),
        installments=installments,
        frequency=draw(st.sampled_from([Frequency.WEEKS, Frequency.MONTHS])),
        every=draw(st.integers(1, 3)),
        method=method,
        day_count=draw(st.sampled_from(DayCount)),
        calculation_period=draw(st.sampled_from(CalculationPeriod)),
        rounding=draw(st.sampled_from([Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.DOWN])),
        installment_multiple_minor=draw(st.none() | st.sampled_from([100, 1000])),
        principal_grace_installments=draw(st.integers(0, most_grace - moratorium)),
        smoothed=draw(st.booleans()),
        interest_grace_installments=draw(st.integers(0, most_grace - moratorium)),
        interest_grace=draw(
            st.sampled_from([DeferredInterest.ADDED, DeferredInterest.ON_TOP, DeferredInterest.FORGIVEN])
        ),
        moratorium_installments=moratorium,
        moratorium_interest=draw(st.sampled_from(DeferredInterest)),
        down_payment_percent=draw(st.sampled_from([Decimal(0), Decimal(25)])),
        balloon_minor=principal // 2 if method is Method.BALLOON else 0,
        business_days=draw(st.none() | st.builds(BusinessDays, rule=st.sampled_from(BusinessDayRule))),
        residual=draw(st.sampled_from(Residual)),
        rounding_unit_minor=draw(st.sampled_from([1, 1, 100])),
    )


@given(terms=loans(), disbursed_on=st.dates(date(2000, 1, 1), date(2060, 1, 1)))
def test_every_method_repays_its_principal_on_ever_later_days(terms: LoanTerms, disbursed_on: date) -> None:
    try:
        rows = schedule_for(terms, disbursed_on=disbursed_on)
    except NegativeAmortization:
        reject()

    assert sum(row.principal_minor for row in rows) == terms.principal_minor
    assert all(row.principal_minor >= 0 and row.interest_minor >= 0 for row in rows)
    dates = [row.due_on for row in rows]
    assert all(later > earlier for earlier, later in pairwise(dates))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    if terms.business_days is not None and terms.business_days.rule is not BusinessDayRule.SAME_DAY:
        due = dates[1:] if terms.down_payment_percent else dates
        assert all(terms.business_days.is_business_day(day) for day in due)


@given(
    principal_minor=st.integers(100_000, 100_000_000),
    rate=st.decimals(0, 40, places=2),
    installments=st.integers(2, 60),
)
def test_smoothing_leaves_the_last_installment_no_farther_off_than_it_was(
    principal_minor: int, rate: Decimal, installments: int
) -> None:
    plain = LoanTerms(principal_minor, "USD", rate, installments)

    def gap(terms: LoanTerms) -> int:
        rows = schedule_for(terms, disbursed_on=ON)
        return abs(rows[-1].total_minor - rows[0].total_minor)

    assert gap(replace(plain, smoothed=True)) <= max(gap(plain), installments // 2)


@given(start=st.dates(date(2000, 1, 1), date(2060, 1, 1)), days=st.integers(1, 800))
def test_a_year_by_30_actual_splits_only_at_its_end(start: date, days: int) -> None:
    terms = replace(LOAN, installments=1, day_count=DayCount.THIRTY_ACTUAL, method=Method.FLAT)
    end = start + timedelta(days=days)
    custom = replace(terms, frequency=Frequency.CUSTOM, custom_due_dates=(end,))

    (rate,) = custom.period_rates(disbursed_on=start)

    assert 0 < rate < Decimal("0.12") * (days + 3) / 360


def test_a_single_installment_takes_the_rest_wherever_it_was_agreed_to_be() -> None:
    terms = LoanTerms(10_001, "USD", Decimal(12), 1, residual=Residual.FIRST)

    assert [row.principal_minor for row in schedule_for(terms, disbursed_on=date(2026, 1, 1))] == [10_001]
