"""New installments for what is still owed: rescheduled, re-aged or re-amortized.

                 what is overdue              what is ahead
    reschedule   stays due as it is           new rate, number or first due date
    re_age       joins what is ahead          a new set of installments from a first due date on
    re_amortize  joins what is ahead          the same due dates, new amounts

Interest and charges that have arisen but are not paid are asked for with the first of the new installments.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from models.allocation import Part
from models.amortization import schedule_for
from models.dates import Frequency, due_dates
from models.errors import Refused
from models.installment import Installment
from models.money import rounded
from models.paying import Debt
from models.rows import Row, rows_of
from models.terms import LoanTerms, Method
from models.transactions import NewTerms


class NothingToRestructure(Refused):
    """No principal is left that new installments could repay, or no installment is ahead to take it."""


def reschedule(debt: Debt, new: NewTerms, on: date) -> None:
    """Replace the installments that are ahead."""
    ahead = [row for row in debt.rows if row.due_on > on]
    running = ahead[0]
    to_come = Decimal((running.due_on - on).days) / (running.due_on - running.from_on).days
    unearned_minor = rounded(running.outstanding(Part.INTEREST) * to_come, debt.terms.rounding)
    first_due_on = new.first_due_on or running.due_on
    dates = _dates(debt.terms, first_due_on, new.installments or len(ahead))
    running.owed[Part.INTEREST] -= unearned_minor
    for row in ahead[1:]:
        row.owed[Part.INTEREST] = row.paid[Part.INTEREST]
    _replace(debt, ahead, _terms(debt.terms, new, dates), start=on)


def re_age(debt: Debt, new: NewTerms, on: date) -> None:
    """Make everything that is owed into a new set of installments."""
    for row in debt.rows:
        if row.due_on > on:
            row.owed[Part.INTEREST] = row.paid[Part.INTEREST]
    taken = [row for row in debt.rows if row.outstanding_minor]
    count = new.installments or max(1, sum(row.due_on > on for row in debt.rows))
    first_due_on = new.first_due_on or due_dates(on, frequency=debt.terms.frequency, every=debt.terms.every, count=1)[0]
    _replace(debt, taken, _terms(debt.terms, new, _dates(debt.terms, first_due_on, count)), start=on)


def re_amortize(debt: Debt, on: date) -> None:
    """Spread what is overdue over the installments ahead."""
    ahead = [row for row in debt.rows if row.due_on > on]
    for row in ahead:
        row.owed[Part.INTEREST] = row.paid[Part.INTEREST]
    taken = [row for row in debt.rows if row.outstanding_minor or row in ahead]
    terms = _terms(debt.terms, NewTerms(), tuple(row.due_on for row in ahead))
    _replace(debt, taken, terms, start=ahead[0].from_on)


def new_rows(terms: LoanTerms, *, disbursed_on: date, number_from: int = 1) -> list[Row]:
    """The rows of a schedule that begins on a day."""
    return rows_of(
        schedule_for(terms, disbursed_on=disbursed_on),
        terms.period_rates(disbursed_on=disbursed_on),
        disbursed_on=disbursed_on,
        number_from=number_from,
        levels_out=terms.method is Method.EQUAL_INSTALLMENT,
    )


def refuse_impossible(rows: Sequence[Installment], new: NewTerms, on: date, *, needs_ahead: bool) -> None:
    """Raises `NothingToRestructure` when there is nothing to spread or nowhere to put it."""
    if not any(row.principal_outstanding_minor for row in rows):
        raise NothingToRestructure("The loan owes no principal.", "type")
    if needs_ahead and not any(row.due_on > on and row.principal_outstanding_minor for row in rows):
        raise NothingToRestructure("No installment is ahead; re-age the loan instead.", "type")
    if new.first_due_on is not None and new.first_due_on <= on:
        raise NothingToRestructure(f"The first new installment is due after {on}.", "firstDueOn")
    if new.installments is not None and new.installments < 1:
        raise NothingToRestructure("There is at least one new installment.", "installments")


def can_restructure(rows: Sequence[Row], on: date, *, needs_ahead: bool) -> bool:
    """Whether there is principal that new installments could repay, where it must be so with those ahead."""
    return any(row.outstanding(Part.PRINCIPAL) for row in rows if row.due_on > on or not needs_ahead)


def _replace(debt: Debt, taken: Sequence[Row], terms: LoanTerms, *, start: date) -> None:
    """Put a new schedule in place of these rows; what they owe beside principal goes to its first row."""
    carried = {part: sum(row.outstanding(part) for row in taken) for part in Part if part is not Part.PRINCIPAL}
    principal_minor = sum(row.outstanding(Part.PRINCIPAL) for row in taken)
    kept = [row for row in debt.rows if row not in taken or any(row.paid.values())]
    for row in kept:
        if row in taken:
            row.owed = dict(row.paid)
            row.charges = [replace(charge, amount_minor=charge.paid_minor) for charge in row.charges]
            row.settle(start)
    terms = replace(terms, principal_minor=principal_minor)
    number = max((row.number for row in kept), default=0) + 1
    fresh = new_rows(terms, disbursed_on=start, number_from=number)
    for part, minor in carried.items():
        fresh[0].owed[part] += minor
    fresh[0].level_minor += carried[Part.INTEREST]
    debt.rows[:] = sorted(kept + fresh, key=lambda row: (row.due_on, row.number))
    debt.terms = terms


def _terms(terms: LoanTerms, new: NewTerms, dates: tuple[date, ...]) -> LoanTerms:
    """The terms of the new installments: no grace, no fees, no down payment a second time."""
    rate = terms.annual_rate_percent if new.annual_rate_percent is None else new.annual_rate_percent
    return replace(
        terms,
        annual_rate_percent=rate,
        installments=len(dates),
        frequency=Frequency.CUSTOM,
        custom_due_dates=dates,
        fixed_length=None,
        processing_fee_minor=0,
        fees=(),
        down_payment_percent=Decimal(0),
        principal_grace_installments=0,
        interest_grace_installments=0,
        moratorium_installments=0,
    )


def _dates(terms: LoanTerms, first: date, count: int) -> tuple[date, ...]:
    """The first due date, and the others at the loan's own rhythm; monthly for custom dates."""
    if count == 1:
        return (first,)
    custom = terms.frequency is Frequency.CUSTOM
    frequency, every = (Frequency.MONTHS, 1) if custom else (terms.frequency, terms.every)
    return first, *due_dates(first, frequency=frequency, every=every, count=count - 1, month_end=terms.month_end)
