"""Terms that make no loan do not exist, and an installment knows how it stands."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.dates import CalculationPeriod
from models.installment import unpaid
from models.money import UnknownCurrency
from models.terms import Installment, InstallmentStatus, InvalidTerms, LoanTerms, Method

TERMS = LoanTerms(2_500_000, "USD", Decimal("8.2"), 12, processing_fee_minor=30_000)
ROW = Installment(1, date(2026, 2, 15), principal_minor=200_619, interest_minor=17_083)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("principal_minor", 0),
        ("annual_rate_percent", Decimal("-0.01")),
        ("annual_rate_percent", Decimal("NaN")),
        ("installments", 0),
        ("every", 0),
        ("installment_multiple_minor", 0),
        ("processing_fee_minor", -1),
        ("processing_fee_minor", 2_500_000),
        ("principal_grace_installments", -1),
        ("principal_grace_installments", 12),
    ],
)
def test_terms_that_make_no_loan_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        replace(TERMS, **{field: value})

    assert refusal.value.field == field
    assert refusal.value.detail == f"No loan has {field.replace('_', ' ')} {value}."


def test_a_loan_of_interest_only_has_no_grace_on_principal() -> None:
    with pytest.raises(InvalidTerms, match="No loan has principal grace installments 1"):
        replace(TERMS, method=Method.INTEREST_ONLY, principal_grace_installments=1)


def test_terms_in_an_unknown_currency_are_refused() -> None:
    with pytest.raises(UnknownCurrency):
        replace(TERMS, currency="XYZ")


def test_the_processing_fee_is_kept_back_from_the_disbursement() -> None:
    assert TERMS.disbursed_minor == 2_470_000


def test_a_monthly_rate_is_a_twelfth_of_the_yearly_one_by_30_360() -> None:
    assert TERMS.period_rates(disbursed_on=date(2026, 1, 15)) == (Decimal("0.082") * (Decimal(30) / 360),) * 12


def test_an_even_calculation_period_ignores_the_day_count() -> None:
    terms = replace(TERMS, calculation_period=CalculationPeriod.SAME_AS_REPAYMENT_PERIOD, every=3, installments=4)

    assert terms.period_rates(disbursed_on=date(2026, 1, 15)) == (Decimal("0.0205"),) * 4


@pytest.mark.parametrize(
    ("row", "day", "status"),
    [
        (ROW, date(2026, 2, 14), InstallmentStatus.PENDING),
        (ROW, date(2026, 2, 15), InstallmentStatus.DUE),
        (ROW, date(2026, 2, 16), InstallmentStatus.OVERDUE),
        (replace(ROW, interest_paid_minor=1), date(2026, 2, 15), InstallmentStatus.PARTIALLY_PAID),
        (replace(ROW, interest_paid_minor=1), date(2026, 2, 16), InstallmentStatus.OVERDUE),
        (
            replace(ROW, interest_paid_minor=17_083, principal_paid_minor=200_619),
            date(2026, 2, 16),
            InstallmentStatus.PAID,
        ),
        (replace(ROW, principal_minor=0, interest_minor=0), date(2026, 2, 1), InstallmentStatus.WAIVED),
    ],
)
def test_an_installment_stands_where_its_money_and_the_day_put_it(
    row: Installment, day: date, status: InstallmentStatus
) -> None:
    assert row.status_on(day) is status


def test_an_installment_adds_up_all_four_parts() -> None:
    row = replace(
        ROW,
        fee_minor=300,
        penalty_minor=40,
        principal_paid_minor=600,
        interest_paid_minor=83,
        fee_paid_minor=100,
        penalty_paid_minor=5,
    )

    assert row.total_minor == 218_042
    assert row.paid_minor == 788
    assert row.outstanding_minor == 217_254
    assert row.principal_outstanding_minor == 200_019
    assert row.interest_outstanding_minor == 17_000
    assert row.fee_outstanding_minor == 200
    assert row.penalty_outstanding_minor == 35


@pytest.mark.parametrize("part", ["principal", "interest", "fee", "penalty"])
@pytest.mark.parametrize("amount", [-1, 1_000_000])
def test_no_part_is_paid_below_nothing_or_above_what_is_due(part: str, amount: int) -> None:
    paid: dict[str, Any] = {f"{part}_paid_minor": amount}

    with pytest.raises(AssertionError):
        replace(ROW, **paid)


def test_a_row_of_a_fresh_schedule_is_like_any_other() -> None:
    assert unpaid(1, date(2026, 2, 15), 200_619, 17_083) == ROW
