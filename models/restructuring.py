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
from models.debt import Debt
from models.errors import Refused
from models.installment import Installment
from models.money import rounded
from models.paying_ahead import outlook_of
from models.recalculation import payable_now
from models.rows import CHARGED, Row, rows_of
from models.terms import LoanTerms, Method
from models.transactions import NewTerms


class NothingToRestructure(Refused):
    """No principal is left that new installments could repay, or no installment is ahead to take it."""


def reschedule(debt: Debt, new: NewTerms, on: date) -> None:
    """Replace the installments that are ahead."""
    due = _due_ahead(debt, on)
    dates = _dates(debt.terms, new.first_due_on or due[0], new.installments or len(due))
    _replace(debt, [row for row in debt.rows if row.due_on > on], _terms(debt.terms, new, dates), on)


def re_age(debt: Debt, new: NewTerms, on: date) -> None:
    """Make everything that is owed into a new set of installments."""
    terms = debt.terms
    first_due_on = new.first_due_on or _dates(terms, on, 2)[1]
    dates = _dates(terms, first_due_on, new.installments or max(1, len(_due_ahead(debt, on))))
    _replace(debt, _open_or_ahead(debt, on), _terms(terms, new, dates), on)


def re_amortize(debt: Debt, on: date) -> None:
    """Spread what is overdue over the installments ahead."""
    _replace(debt, _open_or_ahead(debt, on), _terms(debt.terms, NewTerms(), _due_ahead(debt, on)), on)


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


def _due_ahead(debt: Debt, on: date) -> tuple[date, ...]:
    """When the installments are due that are not yet due and not paid."""
    return tuple(sorted({row.due_on for row in debt.rows if row.due_on > on and row.is_open}))


def _open_or_ahead(debt: Debt, on: date) -> list[Row]:
    return [row for row in debt.rows if row.outstanding_minor or row.due_on > on]


def _replace(debt: Debt, taken: Sequence[Row], terms: LoanTerms, on: date) -> None:
    """Put a new schedule in place of these rows; what they owe beside principal goes to its first row."""
    principal_minor = sum(row.outstanding(Part.PRINCIPAL) for row in taken)
    interest_minor = _earn(debt, on) + sum(row.outstanding(Part.INTEREST) for row in taken)
    charged = {part: sum(row.outstanding(part) for row in taken) for part in CHARGED}
    for row in taken:
        row.end()
    for row in debt.rows:
        row.freeze()
    kept = [row for row in debt.rows if row not in taken or any(row.paid.values())]
    debt.terms = _lent(terms, principal_minor)
    fresh = new_rows(debt.terms, disbursed_on=on, number_from=max(row.number for row in debt.rows) + 1)
    first = fresh[0]
    for part, minor in charged.items():
        first.owed[part] += minor
    first.owed[Part.INTEREST] += interest_minor
    first.level_minor += interest_minor
    first.added_minor = interest_minor
    debt.rows[:] = sorted(kept + fresh, key=lambda row: (row.due_on, row.number))


def _earn(debt: Debt, on: date) -> int:
    """Ask the installments ahead for the interest until this day only; gives what found no installment."""
    if debt.policy.recalculates_interest:
        return payable_now(debt.rows, debt.balance, on=on, rounding=debt.terms.rounding, last=None)
    ahead = [row for row in debt.standing if row.due_on > on]
    if ahead and debt.policy.prepays:
        outlook = outlook_of(debt, ahead, on)
        earned_minor = [outlook.interest_earned_minor(outlook.principal_minor)] + [0] * (len(ahead) - 1)
    else:
        earned_minor = [_agreed_minor(row, on, debt.terms) for row in ahead]
    for row, minor in zip(ahead, earned_minor, strict=True):
        row.owed[Part.INTEREST] = max(minor, row.paid[Part.INTEREST])
    return 0


def _agreed_minor(row: Row, on: date, terms: LoanTerms) -> int:
    if row.from_on >= on:
        return max(row.added_minor, 0)
    elapsed = Decimal((on - row.from_on).days) / (row.due_on - row.from_on).days
    return rounded(row.owed[Part.INTEREST] * elapsed, terms.rounding)


def _lent(terms: LoanTerms, principal_minor: int) -> LoanTerms:
    """The terms for what is still owed; a balloon that is no smaller becomes the last installment."""
    if terms.balloon_minor >= principal_minor:
        terms = replace(terms, method=Method.INTEREST_ONLY, balloon_minor=0)
    return replace(terms, principal_minor=principal_minor)


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
