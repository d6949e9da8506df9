"""Terms in the words of their sources: what is understood, and what is refused by name."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.business_days import BusinessDayRule, InterestAdjustment
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.errors import Refused
from models.money import Rounding
from models.terms import DeferredInterest, LoanTerms, Method, Residual
from workers.cases.terms import terms_of

CASE: dict[str, Any] = {
    "engine": "PROGRESSIVE",
    "currency": "EUR",
    "currency_decimals": 2,
    "principal": "1000",
    "annual_rate_percent": "12",
    "number_of_repayments": 6,
    "repay_every": 1,
    "frequency": "MONTHS",
    "amortization": "EQUAL_INSTALLMENTS",
    "interest_type": "DECLINING_BALANCE",
    "interest_calculation_period": "DAILY",
    "day_count": "360/30",
    "days_in_year": "360",
    "days_in_month": "30",
    "rounding": "HALF_EVEN",
    "installment_multiples_of": None,
}
SPARSE = {"principal": "1000", "annual_rate_percent": "12", "number_of_repayments": 6, "frequency": "MONTHS"}


def terms(**changes: Any) -> LoanTerms:
    return terms_of(CASE | changes)


def test_a_plain_loan() -> None:
    assert terms() == LoanTerms(100_000, "EUR", Decimal(12), 6, smoothed=True)


def test_what_a_case_leaves_out_is_as_in_the_plainest_loan() -> None:
    assert terms_of(SPARSE) == terms()


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({"amortization": "EQUAL_PRINCIPAL"}, Method.EQUAL_PRINCIPAL),
        ({"interest_type": "FLAT"}, Method.FLAT),
        ({"interest_type": "FLAT", "engine": "CUMULATIVE"}, Method.FLAT_TOTAL_SPREAD),
        ({"interest_type": "FLAT", "engine": "OPENCBS"}, Method.FLAT_EQUAL_PARTS),
    ],
)
def test_the_method_follows_from_amortization_interest_and_engine(changes: dict[str, str], method: Method) -> None:
    assert terms(**changes).method is method


@pytest.mark.parametrize(
    ("year", "month", "changes", "day_count"),
    [
        ("360", "30", {}, DayCount.THIRTY_360),
        ("364", "30", {}, DayCount.THIRTY_364),
        ("365", "ACTUAL", {}, DayCount.ACTUAL_365),
        ("ACTUAL", "30", {}, DayCount.THIRTY_ACTUAL),
        ("ACTUAL", "ACTUAL", {}, DayCount.ACTUAL_ACTUAL_DEC_31),
        ("ACTUAL", "ACTUAL", {"days_in_year_custom_strategy": "FEB_29_PERIOD_ONLY"}, DayCount.ACTUAL_ACTUAL_FEB_29),
        ("ACTUAL", "ACTUAL", {"days_in_year_custom_strategy": "FULL_LEAP_YEAR"}, DayCount.ACTUAL_ACTUAL_DEC_31),
        ("ACTUAL", "ACTUAL", {"interest_recognition_on_disbursement_date": True}, DayCount.ACTUAL_ACTUAL_ISDA),
        ("ACTUAL", "ACTUAL", {"engine": "CUMULATIVE"}, DayCount.ACTUAL_365),
        ("ACTUAL", "30", {"engine": "CUMULATIVE"}, DayCount.THIRTY_365),
    ],
)
def test_days_in_year_and_month_are_a_day_count(
    year: str, month: str, changes: dict[str, Any], day_count: DayCount
) -> None:
    said_twice = terms(day_count=f"{year}/{month}", days_in_year=year, days_in_month=month, **changes)
    said_once = terms(day_count=f"{year}/{month}", days_in_year=None, days_in_month=None, **changes)

    assert said_twice.day_count is said_once.day_count is day_count


def test_a_rate_per_period_is_as_many_times_a_year_as_there_are_periods() -> None:
    fortnights = terms(
        annual_rate_percent=None,
        period_rate_percent="3",
        frequency="DAYS",
        repay_every=14,
        interest_calculation_period="SAME_AS_REPAYMENT_PERIOD",
        day_count="RATE_PER_PERIOD (rate/12)",
    )

    assert fortnights.calculation_period is CalculationPeriod.SAME_AS_REPAYMENT_PERIOD
    assert set(fortnights.period_rates(disbursed_on=date(2026, 1, 1))) == {Decimal("0.03")}


def test_a_rate_that_is_only_given_per_month_is_twelve_times_that() -> None:
    assert terms(annual_rate_percent=None, rate_as_given={"value": "1", "per": "MONTH"}).annual_rate_percent == 12


@pytest.mark.parametrize(
    ("changes", "rounding", "unit"),
    [
        ({"rounding": "HALF_UP"}, Rounding.HALF_UP, 1),
        ({"rounding": "to cents, half_down"}, Rounding.HALF_DOWN, 1),
        ({"rounding": None, "engine": "OPENCBS"}, Rounding.HALF_UP, 1),
        ({"rounding": None, "engine": "OPENCBS", "amortization": "EQUAL_PRINCIPAL"}, Rounding.HALF_EVEN, 1),
        ({"currency_decimals": 0}, Rounding.HALF_EVEN, 100),
        (
            {"rounding": "HALF_EVEN to a multiple of 100", "currency_decimals": 0, "currency_multiples_of": 100},
            Rounding.HALF_EVEN,
            10_000,
        ),
        ({"rounding": "HALF_EVEN to a multiple of 10", "currency_decimals": 0}, Rounding.HALF_EVEN, 1_000),
        ({"rounding": "TRUNCATED", "currency_decimals": 0}, Rounding.DOWN, 100),
        ({"rounding": "unrounded, printed at 2 decimals", "currency_decimals": 0}, Rounding.HALF_EVEN, 1),
    ],
)
def test_a_rounding_is_a_mode_and_a_unit(changes: dict[str, Any], rounding: Rounding, unit: int) -> None:
    found = terms(**changes)

    assert (found.rounding, found.rounding_unit_minor) == (rounding, unit)


@pytest.mark.parametrize(
    ("changes", "residual"),
    [
        ({"rounding_residual": "FIRST_INSTALLMENT"}, Residual.FIRST),
        ({"rounding_residual": "APPROXIMATE"}, Residual.SPREAD),
        ({"engine": "OPENCBS", "amortization": "EQUAL_PRINCIPAL"}, Residual.SPREAD),
    ],
)
def test_the_residual_is_where_the_source_puts_it(changes: dict[str, Any], residual: Residual) -> None:
    assert terms(**changes).residual is residual


@pytest.mark.parametrize(
    ("text", "rule", "interest"),
    [
        (
            "FOLLOWING (unadjusted anchor; interest not adjusted except first period)",
            BusinessDayRule.FOLLOWING,
            InterestAdjustment.FIRST_PERIOD,
        ),
        ("MODIFIED_FOLLOWING", BusinessDayRule.MODIFIED_FOLLOWING, InterestAdjustment.UNADJUSTED),
        ("PRECEDING, interest adjusted", BusinessDayRule.PRECEDING, InterestAdjustment.ADJUSTED),
        ("FOLLOWING (interest not adjusted)", BusinessDayRule.FOLLOWING, InterestAdjustment.UNADJUSTED),
    ],
)
def test_a_business_day_convention_is_a_rule_and_what_interest_does(
    text: str, rule: BusinessDayRule, interest: InterestAdjustment
) -> None:
    calendar = terms(business_day_convention=text, weekend=["FRI"], holidays=["2026-12-25"]).business_days

    assert calendar is not None
    assert (calendar.rule, calendar.interest) == (rule, interest)
    assert (calendar.weekend, calendar.holidays) == (frozenset({4}), frozenset({date(2026, 12, 25)}))


def test_a_weekend_is_saturday_and_sunday_where_nothing_is_said() -> None:
    calendar = terms(business_day_convention="FOLLOWING").business_days

    assert calendar is not None
    assert calendar.weekend == frozenset({5, 6})


def test_grace_down_payment_length_multiples_and_month_ends() -> None:
    found = terms(
        grace_on_principal_payment=2,
        grace_on_interest_payment=1,
        down_payment_percent="25",
        fixed_length=7,
        installment_multiples_of="5",
        month_end_strategy="FIRST_DAY_OF_NEXT_MONTH",
        applied_principal="2000",
    )

    assert (found.principal_grace_installments, found.interest_grace_installments) == (2, 1)
    assert found.interest_grace is DeferredInterest.ADDED
    assert found.down_payment_percent == 25
    assert (found.fixed_length, found.installment_multiple_minor) == (7, 500)
    assert found.month_end is MonthEnd.FIRST_DAY_OF_NEXT
    assert found.principal_minor == 100_000


def test_the_older_engine_asks_for_free_interest_on_top() -> None:
    assert terms(grace_on_interest_payment=2, engine="CUMULATIVE").interest_grace is DeferredInterest.ON_TOP


def test_opencbs_forgives_the_interest_of_its_grace() -> None:
    found = terms(grace_on_interest_payment=2, engine="OPENCBS", rounding=None)

    assert (found.interest_grace_installments, found.interest_grace) == (2, DeferredInterest.FORGIVEN)


def test_interest_that_is_never_charged_is_forgiven() -> None:
    found = terms(grace_on_interest_charged=2)

    assert (found.interest_grace_installments, found.interest_grace) == (2, DeferredInterest.FORGIVEN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("engine", "MAMBU"),
        ("principal", None),
        ("principal", "much"),
        ("principal", True),
        ("principal", "1.001"),
        ("annual_rate_percent", None),
        ("annual_rate_percent", "NaN"),
        ("rate_as_given", 12),
        ("rate_as_given", {"value": "2", "per": "MONTH"}),
        ("period_rate_percent", "2"),
        ("number_of_repayments", "6.5"),
        ("number_of_repayments", "1e12"),
        ("frequency", "MOONS"),
        ("frequency", 7),
        ("amortization", "EQUAL_HOPES"),
        ("interest_type", "ROUND"),
        ("interest_calculation_period", "HOURLY"),
        ("day_count", "365/30"),
        ("days_in_year", "366"),
        ("days_in_month", "31"),
        ("rounding", "UPSIDE"),
        ("currency_decimals", 3),
        ("currency_multiples_of", 0),
        ("installment_multiples_of", "half"),
        ("month_end_strategy", "NEVER"),
        ("interest_recognition_on_disbursement_date", "maybe"),
        ("rounding_residual", "NOBODY"),
        ("business_day_convention", "WHENEVER"),
        ("business_day_convention", 5),
        ("weekend", ["SOMEDAY"]),
        ("weekend", ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]),
        ("holidays", ["yesterday"]),
        ("down_payment_percent", "all"),
        ("currency", "XYZ"),
    ],
)
def test_what_is_not_understood_or_contradicts_itself_is_refused_by_name(field: str, value: Any) -> None:
    calendar = {"business_day_convention": "FOLLOWING"} if field in {"weekend", "holidays"} else {}
    actual = {"day_count": None, "days_in_year": "ACTUAL", "days_in_month": "ACTUAL"}
    days = actual if field == "interest_recognition_on_disbursement_date" else {}
    silent = {"day_count": None} if field in {"days_in_year", "days_in_month"} else {}

    with pytest.raises(Refused) as refusal:
        terms(**(calendar | days | silent | {field: value}))

    assert refusal.value.field == field


def test_a_multiple_that_the_rounding_contradicts_is_refused() -> None:
    with pytest.raises(Refused, match="contradicts 'HALF_EVEN to a multiple of 100'"):
        terms(rounding="HALF_EVEN to a multiple of 100", currency_decimals=0, currency_multiples_of=10)


def test_frequencies_are_days_weeks_and_months() -> None:
    assert [terms(frequency=word).frequency for word in ("DAYS", "WEEKS", "MONTHS")] == [
        Frequency.DAYS,
        Frequency.WEEKS,
        Frequency.MONTHS,
    ]
