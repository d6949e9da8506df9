"""What a loan would be: the terms of a request, and the figures that follow from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import get_args

from activities.calendars import holiday_calendar
from api.schemas.quotes import BusinessDaysIn, FeeIn, QuotedInstallmentOut, QuoteIn, QuoteOut, Weekday
from api.schemas.values import money, number
from models.amortization import schedule_for
from models.apr import AprMethod, apr_of, finance_charge_minor
from models.business_days import BusinessDays
from models.dates import Frequency
from models.errors import Refusal, Refused
from models.fees import Fee
from models.installment import Installment
from models.jurisdiction_tables import rules
from models.jurisdictions import Jurisdiction
from models.money import minor_units
from models.product_schedule import ScheduleRules
from models.terms import LoanTerms

_WEEK: tuple[Weekday, ...] = get_args(Weekday)
_EU_MEMBERS = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip
_IN_REQUEST = {
    "principal_minor": "principal",
    "annual_rate_percent": "interestRate",
    "installment_multiple_minor": "installmentMultiple",
    "rounding_unit_minor": "roundingUnit",
    "processing_fee_minor": "processingFee",
    "principal_grace_installments": "principalGrace",
    "interest_grace_installments": "interestGrace",
    "interest_grace": "interestGraceTreatment",
    "moratorium_installments": "moratorium",
    "down_payment_percent": "downPaymentPercent",
    "balloon_minor": "balloon",
    "custom_due_dates": "dueDates",
    "fixed_length": "fixedLength",
    "business_days": "businessDays",
}


class InvalidQuote(Refused):
    """The request does not say what is to be quoted, or says it twice."""


def quote_for(body: QuoteIn, *, currency: str, country: str, today: date) -> QuoteOut:
    """The schedule, the rate and the cost; nothing is kept."""
    disbursed_on = body.disbursed_on or today
    with _named_as_in_request():
        terms = _on_business_days(_terms(body, body.currency or currency), body.business_days, disbursed_on)
        schedule = schedule_for(terms, disbursed_on=disbursed_on)
        apr = apr_of(
            terms, schedule, disbursed_on=disbursed_on, method=body.apr_method or _method_in(country, on=disbursed_on)
        )
    fees_minor = terms.withheld_minor + sum(row.fee_minor for row in schedule)
    return QuoteOut(
        principal=money(terms.principal_minor, terms.currency),
        currency=terms.currency,
        interest_rate=number(terms.annual_rate_percent),
        disbursed_on=disbursed_on,
        disbursed=money(terms.disbursed_minor, terms.currency),
        method=terms.method,
        installments=terms.installments,
        apr=number(apr.percent),
        apr_method=apr.method,
        total_interest=money(sum(row.interest_minor for row in schedule), terms.currency),
        total_fees=money(fees_minor, terms.currency),
        total_repayable=money(sum(row.total_minor for row in schedule), terms.currency),
        total_cost=money(finance_charge_minor(terms, schedule), terms.currency),
        schedule=list(_rows(schedule, terms)),
    )


def _rows(schedule: Sequence[Installment], terms: LoanTerms) -> Iterator[QuotedInstallmentOut]:
    balance_minor = terms.principal_minor
    for row in schedule:
        balance_minor -= row.principal_minor
        yield QuotedInstallmentOut(
            number=row.number,
            due_on=row.due_on,
            deadline=terms.business_days.adjusted(row.due_on) if terms.business_days else row.due_on,
            principal=money(row.principal_minor, terms.currency),
            interest=money(row.interest_minor, terms.currency),
            fees=money(row.fee_minor, terms.currency),
            total=money(row.total_minor, terms.currency),
            balance_after=money(balance_minor, terms.currency),
        )


def _terms(body: QuoteIn, currency: str) -> LoanTerms:
    def minor(amount: Decimal, field: str) -> int:
        return minor_units(amount, currency, field=field)

    multiple, unit = body.installment_multiple, body.rounding_unit
    return LoanTerms(
        principal_minor=minor(body.principal, "principal"),
        currency=currency,
        annual_rate_percent=body.interest_rate,
        installments=_installments(body),
        frequency=body.frequency,
        every=body.every,
        method=body.method,
        day_count=body.day_count,
        calculation_period=body.calculation_period,
        rounding=body.rounding,
        installment_multiple_minor=None if multiple is None else minor(multiple, "installmentMultiple"),
        processing_fee_minor=minor(body.processing_fee, "processingFee"),
        month_end=body.month_end,
        principal_grace_installments=body.principal_grace,
        smoothed=body.is_smoothed,
        interest_grace_installments=body.interest_grace,
        interest_grace=body.interest_grace_treatment,
        moratorium_installments=body.moratorium,
        moratorium_interest=body.moratorium_interest,
        down_payment_percent=body.down_payment_percent,
        balloon_minor=minor(body.balloon, "balloon"),
        custom_due_dates=body.due_dates,
        fixed_length=body.fixed_length,
        residual=body.residual,
        rounding_unit_minor=1 if unit is None else minor(unit, "roundingUnit"),
        fees=tuple(_fee(fee, f"fees[{index}]", currency) for index, fee in enumerate(body.fees)),
    )


def _installments(body: QuoteIn) -> int:
    if body.frequency is Frequency.CUSTOM and body.installments is None and body.tenure is None:
        return len(body.due_dates)
    if (body.installments is None) == (body.tenure is None):
        raise InvalidQuote("Say either a number of installments or a tenure in days.", "installments")
    if body.installments is not None:
        return body.installments
    assert body.tenure is not None
    if body.frequency is Frequency.CUSTOM:
        raise InvalidQuote("The due dates of a custom frequency say how long the loan is.", "tenure")
    return ScheduleRules(frequency=body.frequency, every=body.every).installments_for(body.tenure)


def _fee(fee: FeeIn, path: str, currency: str) -> Fee:
    try:
        return Fee(
            name=fee.name,
            timing=fee.timing,
            amount_minor=None if fee.amount is None else minor_units(fee.amount, currency, field="amount"),
            percent=fee.percent,
            base=fee.base,
            on=fee.due_on,
        )
    except Refusal as refusal:
        inside = refusal.field if refusal.field != "fees" else None
        raise type(refusal)(refusal.detail, f"{path}.{inside}" if inside else path) from None


def _on_business_days(terms: LoanTerms, asked: BusinessDaysIn | None, disbursed_on: date) -> LoanTerms:
    """The terms with the calendar of all the years the loan may live in."""
    if asked is None:
        return terms
    free = frozenset(asked.holidays)
    if asked.country is not None:
        last = terms.due_dates(disbursed_on=disbursed_on)[-1].year
        free |= holiday_calendar(asked.country, asked.subdivision, range(disbursed_on.year, last + 2))
    calendar = BusinessDays(
        rule=asked.rule,
        weekend=frozenset(_WEEK.index(day) for day in asked.weekend),
        holidays=free,
        moves=asked.moves,
        interest=asked.interest,
    )
    return replace(terms, business_days=calendar)


def _method_in(country: str, *, on: date) -> AprMethod:
    """What the law of the place asks for; where it asks for nothing, the oldest of the methods."""
    places = {place.value: place for place in Jurisdiction} | dict.fromkeys(_EU_MEMBERS, Jurisdiction.EU)
    found = rules(places.get(country), on=on).apr_method
    return AprMethod(found.method) if found else AprMethod.US_REG_Z


@contextmanager
def _named_as_in_request() -> Iterator[None]:
    """Say of a refusal which field of the request it is about."""
    try:
        yield
    except Refusal as refusal:
        named = _IN_REQUEST.get(refusal.field or "", refusal.field)
        raise type(refusal)(refusal.detail, named) from None
