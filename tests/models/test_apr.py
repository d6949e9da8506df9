"""APRs agree with the laws that define them; the published figures are in test_published_figures."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.amortization import schedule_for
from models.apr import (
    AprMethod,
    NoRate,
    Transfer,
    Unit,
    UnitPeriod,
    YearlyTransfer,
    apr_of,
    eu_apr_percent,
    finance_charge_minor,
    us_apr_percent,
)
from models.dates import Frequency
from models.fees import Fee, FeeTiming
from models.terms import LoanTerms, Method

DISBURSED_ON = date(2026, 1, 15)
MONTHLY = Decimal(12)


def apr(terms: LoanTerms) -> Decimal:
    return apr_of(terms, schedule_for(terms, disbursed_on=DISBURSED_ON), disbursed_on=DISBURSED_ON).percent


@pytest.mark.parametrize(
    ("period", "earlier", "later", "whole", "fraction"),
    [
        (UnitPeriod(Unit.MONTH), date(1978, 2, 10), date(1978, 4, 1), 1, Decimal(19) / 30),
        (UnitPeriod(Unit.MONTH), date(1978, 1, 10), date(1978, 2, 10), 1, Decimal(0)),
        (UnitPeriod(Unit.MONTH, 3), date(2026, 1, 15), date(2026, 6, 20), 1, Decimal(65) / 90),
        (UnitPeriod(Unit.SEMIMONTH), date(2026, 1, 10), date(2026, 3, 1), 3, Decimal(7) / 15),
        (UnitPeriod(Unit.WEEK, 2), date(2026, 1, 1), date(2026, 1, 20), 1, Decimal(5) / 14),
        (UnitPeriod(Unit.DAY, 255), date(1978, 1, 3), date(1978, 9, 15), 1, Decimal(0)),
        (UnitPeriod(Unit.YEAR), date(2026, 1, 15), date(2028, 4, 15), 2, Decimal("0.25")),
        (UnitPeriod(Unit.YEAR), date(2026, 1, 15), date(2027, 1, 20), 1, Decimal(5) / 365),
    ],
)
def test_unit_periods_are_counted_back_from_the_later_date(
    period: UnitPeriod, earlier: date, later: date, whole: int, fraction: Decimal
) -> None:
    assert period.between(earlier, later) == (whole, fraction)


@pytest.mark.parametrize(
    ("period", "per_year"),
    [
        (UnitPeriod(Unit.DAY, 73), 5),
        (UnitPeriod(Unit.WEEK, 2), 26),
        (UnitPeriod(Unit.SEMIMONTH), 24),
        (UnitPeriod(Unit.MONTH, 3), 4),
        (UnitPeriod(Unit.YEAR), 1),
    ],
)
def test_unit_periods_in_a_year(period: UnitPeriod, per_year: int) -> None:
    assert period.per_year == per_year


def test_the_seeds_dearer_looking_offer_is_the_cheaper_one() -> None:
    low_rate = LoanTerms(2_500_000, "USD", Decimal("7.5"), 12, processing_fee_minor=50_000)
    low_fee = LoanTerms(2_500_000, "USD", Decimal("8.2"), 12, processing_fee_minor=30_000)

    assert apr(low_rate) == Decimal("11.31")
    assert apr(low_fee) == Decimal("10.48")


def test_the_same_cash_flow_has_another_rate_under_european_law() -> None:
    payments = [YearlyTransfer(Decimal("2168.94"), Decimal(month) / 12) for month in range(1, 13)]

    percent = eu_apr_percent([YearlyTransfer(Decimal(24_500), Decimal(0))], payments)

    assert round(percent, 2) == Decimal("11.92")


def test_an_apr_travels_with_its_method() -> None:
    terms = LoanTerms(100_000, "USD", Decimal(12), 12)

    apr = apr_of(terms, schedule_for(terms, disbursed_on=DISBURSED_ON), disbursed_on=DISBURSED_ON)

    assert apr.method == "us_reg_z_appendix_j"


@pytest.mark.parametrize(
    ("frequency", "every", "installments", "percent"),
    [
        (Frequency.MONTHS, 1, 12, "12.00"),
        (Frequency.MONTHS, 3, 8, "12.00"),
        (Frequency.MONTHS, 6, 1, "12.00"),
        # 30/360 takes 52 weeks for 364 days, so a weekly loan pays 364/360 of the rate
        (Frequency.WEEKS, 2, 26, "12.13"),
        # a single payment after 10 weeks is counted by its 70 days
        (Frequency.WEEKS, 10, 1, "12.17"),
        (Frequency.DAYS, 73, 5, "12.17"),
        # longer than a year: the unit-period is a year, and half of one bears simple interest
        (Frequency.MONTHS, 18, 1, "11.55"),
    ],
)
def test_a_loan_without_fees_has_its_interest_rate_as_apr(
    frequency: Frequency, every: int, installments: int, percent: str
) -> None:
    terms = LoanTerms(100_000_000, "USD", Decimal(12), installments, frequency=frequency, every=every)

    assert apr(terms) == Decimal(percent)


@pytest.mark.parametrize(
    ("start", "dates", "period"),
    [
        (date(2026, 1, 15), [date(2026, 2, 15), date(2026, 3, 15), date(2026, 5, 15)], UnitPeriod(Unit.MONTH)),
        (date(2026, 1, 15), [date(2026, 1, 29), date(2026, 2, 12)], UnitPeriod(Unit.WEEK, 2)),
        (date(2026, 1, 15), [date(2026, 4, 15)], UnitPeriod(Unit.MONTH, 3)),
        (date(2026, 1, 15), [date(2026, 1, 25)], UnitPeriod(Unit.DAY, 10)),
        (date(2026, 1, 15), [date(2027, 1, 15)], UnitPeriod(Unit.YEAR)),
        # of intervals that occur once each, the shortest
        (date(2026, 1, 15), [date(2026, 1, 22), date(2026, 2, 22)], UnitPeriod(Unit.WEEK)),
        (date(2026, 1, 15), [date(2026, 1, 15)], UnitPeriod(Unit.DAY)),
    ],
)
def test_the_unit_period_is_the_interval_that_occurs_most_often(
    start: date, dates: list[date], period: UnitPeriod
) -> None:
    assert UnitPeriod.of(start, dates) == period


def by(method: AprMethod, terms: LoanTerms) -> Decimal:
    schedule = schedule_for(terms, disbursed_on=DISBURSED_ON)
    found = apr_of(terms, schedule, disbursed_on=DISBURSED_ON, method=method)
    assert found.method is method
    return found.percent


def test_one_loan_has_three_rates_by_three_laws() -> None:
    loan = LoanTerms(2_500_000, "USD", Decimal("7.5"), 12, processing_fee_minor=50_000)

    assert by(AprMethod.US_REG_Z, loan) == Decimal("11.31")
    assert by(AprMethod.EU_2008_48_EC, loan) == Decimal("11.92")
    assert by(AprMethod.INDIA_KFS, loan) == Decimal("11.31")


def test_the_key_facts_statement_of_india_from_the_terms_of_its_example() -> None:
    loan = LoanTerms(2_000_000, "INR", Decimal(15), 24, processing_fee_minor=40_000)

    assert by(AprMethod.INDIA_KFS, loan) == Decimal("17.07")


@pytest.mark.parametrize("method", AprMethod)
def test_a_fee_raises_the_rate_wherever_it_is_due(method: AprMethod) -> None:
    plain = LoanTerms(1_200_000, "USD", Decimal(12), 12)
    withheld = replace(plain, fees=(Fee("f", FeeTiming.DISBURSEMENT, percent=Decimal(1)),))
    spread = replace(plain, fees=(Fee("f", FeeTiming.INSTALLMENT, amount_minor=1_000),))

    assert by(method, plain) < by(method, spread) < by(method, withheld)


def test_a_down_payment_is_paid_back_at_once_and_changes_no_rate() -> None:
    loan = LoanTerms(1_000_000, "USD", Decimal(12), 12)

    for method in AprMethod:
        assert by(method, replace(loan, down_payment_percent=Decimal(25))) == by(method, loan)


def test_a_bullet_of_a_year_counts_as_a_year() -> None:
    bullet = LoanTerms(1_000_000, "USD", Decimal(12), 12, method=Method.BULLET)

    assert by(AprMethod.US_REG_Z, bullet) == by(AprMethod.EU_2008_48_EC, bullet) == Decimal("12.00")


def test_agreed_dates_count_by_their_dates() -> None:
    dates = (date(2026, 2, 15), date(2026, 3, 15), date(2026, 7, 15))
    terms = LoanTerms(900_000, "USD", Decimal(12), 3, frequency=Frequency.CUSTOM, custom_due_dates=dates)

    # four months at one percent each bear less than they would if they compounded
    assert by(AprMethod.US_REG_Z, terms) == Decimal("11.92")
    assert Decimal(12) < by(AprMethod.EU_2008_48_EC, terms) < Decimal(13)


def test_the_finance_charge_is_interest_and_fee() -> None:
    terms = LoanTerms(2_500_000, "USD", Decimal("7.5"), 12, processing_fee_minor=50_000)
    schedule = schedule_for(terms, disbursed_on=DISBURSED_ON)

    assert finance_charge_minor(terms, schedule) == sum(row.interest_minor for row in schedule) + 50_000


def test_a_fee_that_eats_the_loan_still_has_a_rate() -> None:
    assert apr(LoanTerms(10_000, "USD", Decimal(12), 12, processing_fee_minor=9_999)) > 100_000


def test_money_paid_back_short_has_a_negative_rate() -> None:
    percent = us_apr_percent([Transfer(Decimal(100), 0)], [Transfer(Decimal(99), 1)], per_year=MONTHLY)

    assert round(percent, 10) == -12


@pytest.mark.parametrize(
    "payments",
    [
        [Transfer(Decimal(90), 0)],  # worth the same at every rate
        [Transfer(Decimal(50), 0), Transfer(Decimal(60), 2)],  # worth more at every rate
    ],
)
def test_cash_flows_may_have_no_rate(payments: list[Transfer]) -> None:
    with pytest.raises(NoRate, match="No rate makes what is lent"):
        us_apr_percent([Transfer(Decimal(100), len(payments) - 1)], payments, per_year=MONTHLY)


def test_a_loan_for_nothing_has_a_rate_of_nothing() -> None:
    assert str(apr(LoanTerms(100_000, "USD", Decimal(0), 12))) == "0.00"


@given(
    rate=st.decimals(0, 60, places=2),
    fee_minor=st.integers(0, 20_000),
    installments=st.integers(1, 36),
)
def test_discounted_at_its_apr_the_loan_is_worth_what_was_received(
    rate: Decimal, fee_minor: int, installments: int
) -> None:
    terms = LoanTerms(1_000_000, "USD", rate, installments, processing_fee_minor=fee_minor)
    schedule = schedule_for(terms, disbursed_on=DISBURSED_ON)
    payments = [Transfer(Decimal(row.total_minor), row.number) for row in schedule]

    percent = us_apr_percent([Transfer(Decimal(terms.disbursed_minor), 0)], payments, per_year=MONTHLY)

    growth = 1 + percent / 1200
    worth = sum((row.total_minor / growth**row.number for row in schedule), Decimal(0))
    assert abs(worth - terms.disbursed_minor) < Decimal("0.0001")


@given(fee_minor=st.integers(0, 10_000), more_minor=st.integers(100, 10_000))
def test_a_higher_fee_never_lowers_the_apr(fee_minor: int, more_minor: int) -> None:
    cheap = LoanTerms(1_000_000, "USD", Decimal(9), 12, processing_fee_minor=fee_minor)
    dear = LoanTerms(1_000_000, "USD", Decimal(9), 12, processing_fee_minor=fee_minor + more_minor)

    assert apr(cheap) < apr(dear)
