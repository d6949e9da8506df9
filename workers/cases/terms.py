"""The terms of a case, in the words of whoever published it, as the terms of a loan."""

from decimal import Decimal, InvalidOperation
from typing import Any

from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.errors import Refused
from models.money import Rounding, minor_units
from models.terms import LoanTerms, Method

Case = dict[str, Any]

_FEB_29 = "FEB_29_PERIOD_ONLY"


class InvalidCase(Refused):
    """A case says something that is not understood, or that contradicts itself."""


def terms_of(case: Case) -> LoanTerms:
    """The loan a case describes."""
    currency = case.get("currency") or "EUR"
    multiple = case.get("installment_multiples_of")
    return LoanTerms(
        principal_minor=minor_units(case["principal"], currency, field="principal"),
        currency=currency,
        annual_rate_percent=decimal(case, "annual_rate_percent"),
        installments=case["number_of_repayments"],
        frequency=Frequency(str(case["frequency"]).lower()),
        every=case["repay_every"],
        method=_method(case),
        day_count=_day_count(case),
        calculation_period=CalculationPeriod(case["interest_calculation_period"].lower()),
        rounding=Rounding(case.get("rounding", "HALF_EVEN").lower()),
        installment_multiple_minor=None if multiple is None else minor_units(multiple, currency),
        month_end=_month_end(case),
        principal_grace_installments=case.get("grace_on_principal_payment") or 0,
        smoothed=case["engine"] == "PROGRESSIVE",
    )


def decimal(case: Case, field: str) -> Decimal:
    """A number of the case."""
    try:
        return Decimal(str(case[field]))
    except InvalidOperation:
        raise InvalidCase(f"{field} {case[field]!r} is not a number.", field) from None


def _method(case: Case) -> Method:
    if case["interest_type"] != "FLAT":
        return Method.EQUAL_INSTALLMENT
    return Method.FLAT_TOTAL_SPREAD if case["engine"] == "CUMULATIVE" else Method.FLAT


def _day_count(case: Case) -> DayCount:
    if case["days_in_year"] != "ACTUAL":
        return DayCount(f"{case['days_in_month']}/{case['days_in_year']}".lower())
    if case.get("days_in_year_custom_strategy") == _FEB_29:
        return DayCount.ACTUAL_ACTUAL_FEB_29
    if case.get("interest_recognition_on_disbursement_date"):
        return DayCount.ACTUAL_ACTUAL_ISDA
    return DayCount.ACTUAL_ACTUAL_DEC_31


def _month_end(case: Case) -> MonthEnd:
    rolls = case.get("month_end_strategy") == "FIRST_DAY_OF_NEXT_MONTH"
    return MonthEnd.FIRST_DAY_OF_NEXT if rolls else MonthEnd.LAST_DAY
