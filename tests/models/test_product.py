"""What a product makes of the choices of a borrower, and what it refuses."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.allocation import STRATEGIES, DueBucket, RepaymentPolicy
from models.amortization import schedule_for
from models.bid_limits import TENURE_DAYS
from models.business_days import BusinessDays
from models.dates import Frequency, installments_for
from models.errors import Refusal
from models.jurisdictions import RateOverCap
from models.product import STANDARD, CoolingOffPeriod, InvalidProduct
from models.product_allocation import AllocationRules
from models.product_document import product_from
from models.product_schedule import Choices, ScheduleRules
from models.product_status import PRODUCT, ProductStatus, SamePerson, check_checker
from models.ranges import OutOfRange, Range
from models.terms import InvalidTerms, LoanTerms
from models.transitions import IllegalTransition
from tests.models.products import WEEKLY, weekly

MONDAY = date(2026, 3, 2)
TRADER = product_from(WEEKLY)
CHOSEN = Choices(1_000_00, "USD", Decimal(12), 10, MONDAY, processing_fee_minor=5_00)


def test_the_standard_product_lends_as_the_platform_always_has() -> None:
    assert STANDARD.terms(CHOSEN) == LoanTerms(
        principal_minor=1_000_00,
        currency="USD",
        annual_rate_percent=Decimal(12),
        installments=10,
        processing_fee_minor=5_00,
    )


@given(st.integers(TENURE_DAYS[0], TENURE_DAYS[-1]))
def test_the_standard_product_counts_a_tenure_in_months(tenure_days: int) -> None:
    assert STANDARD.schedule.installments_for(tenure_days) == installments_for(tenure_days)
    STANDARD.check_request(1, "JPY", tenure_days)


@pytest.mark.parametrize(
    ("frequency", "every", "tenure_days", "installments"),
    [
        (Frequency.WEEKS, 1, 365, 52),
        (Frequency.WEEKS, 2, 365, 26),
        (Frequency.WEEKS, 1, 30, 4),
        (Frequency.DAYS, 1, 30, 30),
        (Frequency.DAYS, 10, 35, 4),
        (Frequency.MONTHS, 3, 365, 4),
        (Frequency.MONTHS, 12, 30, 1),
    ],
)
def test_a_tenure_is_counted_in_the_products_own_periods(
    frequency: Frequency, every: int, tenure_days: int, installments: int
) -> None:
    assert ScheduleRules(frequency=frequency, every=every).installments_for(tenure_days) == installments


def test_a_weekly_loan_of_equal_principal_pays_it_back_in_equal_parts() -> None:
    schedule = schedule_for(TRADER.terms(CHOSEN), disbursed_on=MONDAY)

    assert {row.principal_minor for row in schedule} == {100_00}
    assert [row.due_on for row in schedule[:2]] == [MONDAY + timedelta(7), MONDAY + timedelta(14)]
    assert schedule[0].interest_minor > schedule[-1].interest_minor
    assert TRADER.terms(CHOSEN).disbursed_minor == 1_000_00 - 5_00 - 15_00


def test_a_custom_product_is_due_on_its_own_days() -> None:
    rules = ScheduleRules(frequency=Frequency.CUSTOM, custom_days=(14, 45, 90))
    choices = replace(CHOSEN, installments=3)

    schedule = schedule_for(rules.terms(choices), disbursed_on=MONDAY)

    assert [(row.due_on - MONDAY).days for row in schedule] == [14, 45, 90]
    assert [rules.installments_for(days) for days in (7, 45, 89, 90)] == [1, 2, 2, 3]


def test_a_balloon_is_a_share_of_the_principal() -> None:
    product = product_from(weekly(schedule={"method": "balloon", "balloonPercent": 40}))

    assert product.terms(CHOSEN).balloon_minor == 400_00


@pytest.mark.parametrize(
    ("amount_minor", "currency", "tenure_days", "field"),
    [
        (99_99, "USD", 90, "loanApplication.requestedAmount"),
        (25_000_01, "USD", 90, "loanApplication.requestedAmount"),
        (1_000_00, "USD", 24, "loanApplication.tenure"),
        (1_000_00, "USD", 400, "loanApplication.tenure"),
        (1_000_00, "EUR", 90, "loanApplication.currency"),
    ],
)
def test_an_application_for_what_the_product_does_not_lend_is_refused_by_name(
    amount_minor: int, currency: str, tenure_days: int, field: str
) -> None:
    TRADER.check_request(100_00, "USD", 28)
    TRADER.check_request(25_000_00, "USD", 364)

    with pytest.raises(Refusal) as refusal:
        TRADER.check_request(amount_minor, currency, tenure_days)

    assert refusal.value.field == field


def test_a_refusal_says_what_the_product_is_for() -> None:
    with pytest.raises(OutOfRange, match=r"USD 100\.00 to USD 25,000\.00"):
        TRADER.check_request(1, "USD", 90)
    with pytest.raises(OutOfRange, match=r"4 installments to 52 installments"):
        TRADER.check_request(100_00, "USD", 1)
    with pytest.raises(OutOfRange, match=r"5 to 36"):
        TRADER.annual_rate_percent.check(Decimal(37), field="interestRate")


def test_a_range_knows_its_edges() -> None:
    assert Range(1, 2, 3).edges == (1, 3)


def test_a_good_product_is_good() -> None:
    TRADER.check(on=MONDAY)
    STANDARD.check(on=MONDAY)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        (
            {
                "jurisdiction": "US",
                "license": "military_lending_act",
                "annualRate": {"minimum": 1, "default": 9, "maximum": 37},
            },
            "annualRate.maximum",
            "rate_over_cap",
        ),
        ({"jurisdiction": "EU", "coolingOff": {"days": 13}}, "coolingOff", "cooling_off_too_short"),
        ({"jurisdiction": "EU"}, "coolingOff", "cooling_off_too_short"),
        (
            {"jurisdiction": "NG", "license": "microfinance_bank", "coolingOff": {"days": 3}},
            "coolingOff",
            "cooling_off_too_short",
        ),
        ({"jurisdiction": "IN", "delinquency": {"agingGraceDays": 3}}, "delinquency.agingGraceDays", "invalid_product"),
        ({"installments": {"minimum": 0, "default": 1, "maximum": 2}}, "installments", "invalid_terms"),
        ({"principal": {"minimum": 0, "default": 1, "maximum": 2}}, "principal", "invalid_terms"),
        ({"schedule": {"principalGrace": 4}}, "schedule.principalGrace", "invalid_terms"),
        ({"schedule": {"moratorium": -1}}, "schedule.moratorium", "invalid_terms"),
        ({"schedule": {"downPaymentPercent": 100}}, "schedule.downPaymentPercent", "invalid_terms"),
        (
            {"schedule": {"fees": [{"name": "x", "timing": "disbursement", "amount": 100}]}},
            "schedule.fees",
            "invalid_terms",
        ),
        (
            {"schedule": {"frequency": "custom", "customDays": [30, 60, 90, 120]}},
            "schedule.customDays",
            "invalid_terms",
        ),
    ],
)
def test_a_product_of_which_some_loan_could_not_be_made_is_refused(
    changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        product_from(weekly(**changes)).check(on=MONDAY)

    assert (refusal.value.field, refusal.value.code) == (field, code)


def test_a_product_whose_installments_could_meet_on_a_business_day_is_refused_before_it_is_lent() -> None:
    every_other_day = {"frequency": "days", "every": 3, "businessDays": {"holidays": ["2026-12-24", "2026-12-25"]}}
    clear = {"frequency": "days", "every": 3, "businessDays": {}}

    product_from(weekly(schedule=clear, installments={"minimum": 1, "default": 2, "maximum": 3})).check(on=MONDAY)
    with pytest.raises(InvalidTerms) as refusal:
        product_from(weekly(schedule=every_other_day, installments={"minimum": 1, "default": 2, "maximum": 3})).check(
            on=MONDAY
        )

    assert refusal.value.field == "schedule.businessDays"


def test_a_fee_on_a_date_is_for_the_loans_that_run_on_it() -> None:
    day = MONDAY + timedelta(days=60)
    fees = [
        {"name": "Census", "timing": "date", "on": day.isoformat(), "amount": 5},
        {"name": "Insurance", "timing": "installment", "amount": 1},
    ]
    rules = product_from(weekly(schedule={"frequency": "weeks", "fees": fees})).schedule

    charged = {
        start: [
            row.fee_minor for row in schedule_for(rules.terms(replace(CHOSEN, disbursed_on=start)), disbursed_on=start)
        ]
        for start in (MONDAY, day, day - timedelta(days=80))
    }

    assert charged[MONDAY] == [1_00] * 8 + [6_00] + [1_00]
    assert charged[day] == charged[day - timedelta(days=80)] == [1_00] * 10


def test_a_product_under_a_law_that_counts_from_the_due_date_gives_no_grace_in_aging() -> None:
    product = product_from(weekly(jurisdiction="US", delinquency={"agingGraceDays": 1}))

    with pytest.raises(InvalidProduct, match="FFIEC"):
        product.check(on=MONDAY)


def test_the_law_of_the_products_place_is_looked_up_by_the_day() -> None:
    product = product_from(weekly(jurisdiction="US", license="military_lending_act"))

    product.rules(on=date(2016, 10, 2)).check_rate(Decimal(40), field="rate")
    with pytest.raises(RateOverCap):
        product.rules(on=date(2016, 10, 3)).check_rate(Decimal(40), field="rate")


@pytest.mark.parametrize(
    ("period", "last_day"),
    [
        (CoolingOffPeriod(0), MONDAY),
        (CoolingOffPeriod(14), date(2026, 3, 16)),
        (CoolingOffPeriod(3, working_days=True), date(2026, 3, 5)),
        (CoolingOffPeriod(5, working_days=True), date(2026, 3, 9)),
    ],
)
def test_the_borrower_may_think_again_until_the_last_day(period: CoolingOffPeriod, last_day: date) -> None:
    assert period.last_day(MONDAY, None) == last_day


def test_a_holiday_is_no_working_day() -> None:
    calendar = BusinessDays(holidays=frozenset({date(2026, 3, 4)}))

    assert CoolingOffPeriod(3, working_days=True).last_day(MONDAY, calendar) == date(2026, 3, 6)


def test_a_loan_is_looked_at_when_its_arrears_enter_another_bucket() -> None:
    document = weekly(delinquency=WEEKLY["delinquency"] | {"agingGraceDays": 2})

    assert TRADER.plan.aging_days == (14,)
    assert product_from(document).plan.aging_days == (16,)
    assert TRADER.plan.dunning_days == (3, 6)


def test_penalty_interest_is_charged_until_the_product_counts_the_loan_as_lost() -> None:
    product = product_from(weekly(penaltyInterest={"annualPercent": 24, "graceDays": 4, "everyDays": 14}))

    assert product.plan.penalty_days == (18, 32, 46, 60)
    assert product.plan.penalty_interest == product.penalty_interest


def test_nobody_approves_what_he_made_himself() -> None:
    check_checker("key_2", ["key_1"])

    with pytest.raises(SamePerson) as refusal:
        check_checker("key_1", ["key_1", "key_2"])

    assert (refusal.value.kind, refusal.value.field) == ("conflict", "Authorization")


@pytest.mark.parametrize("status", [ProductStatus.REJECTED, ProductStatus.RETIRED])
def test_what_was_rejected_or_retired_stays_so(status: ProductStatus) -> None:
    assert PRODUCT.is_final(status)


def test_a_draft_is_not_approved_before_it_is_submitted() -> None:
    with pytest.raises(IllegalTransition):
        PRODUCT.check(ProductStatus.DRAFT, ProductStatus.APPROVED)


def test_terms_that_cannot_be_are_named_by_the_setting() -> None:
    with pytest.raises(InvalidTerms) as refusal:
        product_from(weekly(schedule={"installmentMultiple": 0})).check(on=MONDAY)

    assert refusal.value.field == "schedule.installmentMultiple"


def test_the_standard_product_takes_money_as_every_loan_without_a_product_does() -> None:
    assert STANDARD.policy == RepaymentPolicy()


def test_a_strategy_is_its_stages_and_an_order_in_full_is_what_its_short_form_means() -> None:
    parts = ("interest", "principal", "fee", "penalty")
    in_full = tuple(f"{bucket}.{part}" for bucket in DueBucket for part in parts)

    assert AllocationRules("rbi-india-strategy").policy.stages == STRATEGIES["rbi-india-strategy"]
    assert AllocationRules(order=in_full).policy == AllocationRules(order=parts).policy
    assert AllocationRules(order=parts).policy != STANDARD.policy
