"""Repayment schedules: how much principal, interest and fees each installment carries."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from models.annuity import NegativeAmortization, Share, annuity, equal_installment, money, to_multiple
from models.business_days import InterestAdjustment
from models.installment import Installment, unpaid
from models.scheduled_fees import with_fees
from models.straight_line import equal_parts, equal_principal, flat
from models.terms import DeferredInterest, LoanTerms, Method

__all__ = ["NegativeAmortization", "equal_installment", "schedule_for"]


def schedule_for(terms: LoanTerms, *, disbursed_on: date) -> tuple[Installment, ...]:
    """The schedule of a loan disbursed in one sum on `disbursed_on`.

    A down payment is its first row, due the same day; the formulas run on what is left.
    """
    due = terms.due_dates(disbursed_on=disbursed_on)
    rates = terms.period_rates(disbursed_on=disbursed_on)
    shares: Sequence[Share]
    if terms.down_payment_percent:
        down_minor = to_multiple(terms.principal_minor * terms.down_payment_percent / 100, terms)
        shares = (Share(down_minor, 0), *_shares(terms.principal_minor - down_minor, rates, terms))
        due = (disbursed_on, *due)
    else:
        shares = _shares(terms.principal_minor, rates, terms)
    if terms.business_days is not None:
        shares = _first_period_by_days(shares, due, terms, disbursed_on)
    assert sum([share.principal_minor for share in shares]) == terms.principal_minor
    rows = tuple(
        [
            unpaid(number, due_on, principal, interest)
            for number, (due_on, (principal, interest)) in enumerate(zip(due, shares, strict=True), start=1)
        ]
    )
    return with_fees(rows, terms) if terms.fees else rows


def _shares(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    """The installments of what is lent after a down payment, a moratorium at their beginning."""
    if not terms.moratorium_installments:
        return _paying(principal_minor, rates, terms)
    silent, paying = rates[: terms.moratorium_installments], rates[terms.moratorium_installments :]
    deferred_minor = _deferred(principal_minor, silent, terms)
    if terms.moratorium_interest is DeferredInterest.CAPITALIZED:
        shares = _interest_first(deferred_minor, _paying(principal_minor + deferred_minor, paying, terms))
    else:
        first, *others = _paying(principal_minor, paying, terms)
        shares = (Share(first.principal_minor, first.interest_minor + deferred_minor), *others)
    return (Share(0, 0),) * len(silent) + shares


def _paying(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    match terms.method:
        case Method.EQUAL_INSTALLMENT | Method.BALLOON | Method.BULLET:
            shares = annuity(principal_minor, rates, terms, interest_only=terms.principal_grace_installments)
            return _interest_later(shares, terms) if terms.interest_grace is DeferredInterest.ON_TOP else shares
        case Method.INTEREST_ONLY:
            return annuity(principal_minor, rates, terms, interest_only=len(rates) - 1)
        case Method.EQUAL_PRINCIPAL:
            return _interest_later(equal_principal(principal_minor, rates, terms), terms)
        case Method.FLAT_EQUAL_PARTS:
            return _interest_later(equal_parts(principal_minor, rates, terms), terms)
        case _:  # FLAT, FLAT_TOTAL_SPREAD
            return _interest_later(flat(principal_minor, rates, terms), terms)


def _deferred(principal_minor: int, silent: Sequence[Decimal], terms: LoanTerms) -> int:
    """The interest of a moratorium: simple, or on itself where it is capitalized."""
    deferred_minor = 0
    capitalized = terms.moratorium_interest is DeferredInterest.CAPITALIZED
    if terms.moratorium_interest is not DeferredInterest.FORGIVEN:
        for rate in silent:
            balance_minor = principal_minor + (deferred_minor if capitalized else 0)
            deferred_minor += money(balance_minor * rate, terms)
    return deferred_minor


def _interest_first(capitalized_minor: int, shares: Sequence[Share]) -> tuple[Share, ...]:
    """Capitalized interest bears interest but remains interest: the first principal repaid is really that."""
    settled = []
    for principal, interest in shares:
        moved = min(capitalized_minor, principal)
        settled.append(Share(principal - moved, interest + moved))
        capitalized_minor -= moved
    return tuple(settled)


def _interest_later(shares: tuple[Share, ...], terms: LoanTerms) -> tuple[Share, ...]:
    """The interest of the free installments with the first that bears any; what is forgiven had no rate."""
    free = terms.interest_grace_installments
    if not free or terms.interest_grace is DeferredInterest.FORGIVEN:
        return shares
    deferred_minor = sum(share.interest_minor for share in shares[:free])
    bearing = Share(shares[free].principal_minor, shares[free].interest_minor + deferred_minor)
    return (*(Share(share.principal_minor, 0) for share in shares[:free]), bearing, *shares[free + 1 :])


def _first_period_by_days(
    shares: Sequence[Share], due: Sequence[date], terms: LoanTerms, disbursed_on: date
) -> Sequence[Share]:
    """Interest for the real days of the first period, where only that one is adjusted. Source: OpenCBS."""
    assert terms.business_days is not None
    first = 1 if terms.down_payment_percent else 0
    days, nominal_days = (due[first] - disbursed_on).days, terms.nominal_days(disbursed_on=disbursed_on)
    if terms.business_days.interest is not InterestAdjustment.FIRST_PERIOD or days == nominal_days:
        return shares
    principal, interest = shares[first]
    adjusted = Share(principal, money(Decimal(interest) * days / nominal_days, terms))
    return (*shares[:first], adjusted, *shares[first + 1 :])
