"""Fees are an amount or a percentage, and are due when it was agreed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.amortization import schedule_for
from models.fees import Fee, FeeBase, FeeTiming, InvalidFee
from models.terms import InvalidTerms, LoanTerms

ON = date(2026, 1, 15)
TERMS = LoanTerms(120_000, "USD", Decimal(0), 3)


def fees_of(*fees: Fee, **terms: Any) -> list[int]:
    return [row.fee_minor for row in schedule_for(replace(TERMS, fees=fees, **terms), disbursed_on=ON)]


def test_a_fee_at_disbursement_is_kept_back_and_on_no_row() -> None:
    fee = Fee("origination", FeeTiming.DISBURSEMENT, percent=Decimal("1.5"))

    assert replace(TERMS, fees=(fee,), processing_fee_minor=500).disbursed_minor == 117_700
    assert fees_of(fee) == [0, 0, 0]


def test_a_fee_with_every_installment_is_flat_or_a_part_of_it() -> None:
    flat = Fee("account", FeeTiming.INSTALLMENT, amount_minor=250)
    part = Fee("insurance", FeeTiming.INSTALLMENT, percent=Decimal(1), base=FeeBase.INSTALLMENT)

    assert fees_of(flat, part) == [650, 650, 650]


def test_a_fee_on_a_date_is_due_with_the_installment_of_its_period() -> None:
    fees = [Fee("valuation", FeeTiming.DATE, amount_minor=900, on=on) for on in (date(2026, 2, 16), date(2026, 3, 15))]

    assert fees_of(*fees) == [0, 1800, 0]


def test_a_down_payment_bears_no_fee() -> None:
    flat = Fee("account", FeeTiming.INSTALLMENT, amount_minor=250)
    dated = Fee("valuation", FeeTiming.DATE, amount_minor=900, on=ON)

    assert fees_of(flat, dated, down_payment_percent=Decimal(25)) == [0, 1150, 250, 250]


def test_a_fee_after_the_last_installment_is_refused() -> None:
    with pytest.raises(InvalidTerms, match="'late' would be due after the last installment") as refusal:
        fees_of(Fee("late", FeeTiming.DATE, amount_minor=1, on=date(2026, 4, 16)))

    assert refusal.value.field == "fees"


def test_fees_that_leave_nothing_to_disburse_are_refused() -> None:
    with pytest.raises(InvalidTerms) as refusal:
        replace(TERMS, fees=(Fee("all", FeeTiming.DISBURSEMENT, percent=Decimal(100)),))

    assert refusal.value.field == "fees"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"amount_minor": 1, "percent": Decimal(1)},
        {"amount_minor": -1},
        {"percent": Decimal(-1)},
        {"percent": Decimal("NaN")},
        {"amount_minor": 1, "on": ON},
        {"amount_minor": 1, "timing": FeeTiming.DATE},
        {"percent": Decimal(1), "timing": FeeTiming.DISBURSEMENT, "base": FeeBase.INSTALLMENT},
    ],
)
def test_a_fee_that_cannot_be_charged_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidFee) as refusal:
        Fee(**({"name": "odd", "timing": FeeTiming.INSTALLMENT} | wrong))

    assert refusal.value.field == "fees"
    assert "'odd'" in refusal.value.detail
