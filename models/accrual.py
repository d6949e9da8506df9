"""Interest and fees as income: earned day by day, whether they have been paid or not.

    interest earned by a day   the interest of every row that is due by then, and of the row that runs
                               interest x days since it began / days in it, rounded down
    fees earned by a day       the fees of every row that is due by then
    in the books               what is earned, or what is paid when that is more

From 90 days past due a loan is on non-accrual: of its interest only what is paid is income, until its arrears are paid.
What is not expected any more (charged off) is income only as far as it is paid. A journal books the difference to what
was booked before, so that it does not matter how often, or after what, it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.chart import Account
from models.ledger import Entry, Journal
from models.terms import Installment


@dataclass(frozen=True, slots=True)
class Accrued:
    """What is in the books as earned of a loan, paid or not."""

    interest_minor: int = 0
    fees_minor: int = 0


@dataclass(frozen=True, slots=True)
class Income:
    """What a schedule has earned by a day, and what of it has been paid."""

    interest_earned_minor: int
    interest_paid_minor: int
    fees_earned_minor: int
    fees_paid_minor: int

    def to_book(self, *, is_non_accrual: bool = False, is_charged_off: bool = False) -> Accrued:
        """What ought to be in the books of it."""
        interest = 0 if is_non_accrual or is_charged_off else self.interest_earned_minor
        fees = 0 if is_charged_off else self.fees_earned_minor
        return Accrued(max(interest, self.interest_paid_minor), max(fees, self.fees_paid_minor))


def earned_minor(installments: Sequence[Installment], on: date, disbursed_on: date) -> int:
    """The interest of a schedule that is earned by the end of a day."""
    starts = [disbursed_on, *(row.due_on for row in installments)]
    return sum(_earned(row, start, on) for row, start in zip(installments, starts, strict=False))


def income_of(installments: Sequence[Installment], on: date, disbursed_on: date) -> Income:
    """The income of a schedule by the end of a day."""
    return Income(
        interest_earned_minor=earned_minor(installments, on, disbursed_on),
        interest_paid_minor=sum(row.interest_paid_minor for row in installments),
        fees_earned_minor=sum(row.fee_minor for row in installments if row.due_on <= on),
        fees_paid_minor=sum(row.fee_paid_minor for row in installments),
    )


def accrued_target(
    installments: Sequence[Installment],
    on: date,
    disbursed_on: date,
    *,
    is_non_accrual: bool = False,
    is_charged_off: bool = False,
) -> Accrued:
    """What ought to be in the books at the end of a day."""
    income = income_of(installments, on, disbursed_on)
    return income.to_book(is_non_accrual=is_non_accrual, is_charged_off=is_charged_off)


def accrual_journal(
    loan_id: str, booked: Accrued, target: Accrued, *, currency: str, on: date, cause: str | None = None
) -> Journal | None:
    """The journal from what is booked to what ought to be, or None when nothing is missing.

    The close of a business day has no cause but the day; an accrual that a transaction causes is named after it.
    """
    interest = target.interest_minor - booked.interest_minor
    fees = target.fees_minor - booked.fees_minor
    lines = (
        (Account.INTEREST_RECEIVABLE, interest),
        (Account.FEES_RECEIVABLE, fees),
        (Account.INTEREST_INCOME, -interest),
        (Account.FEE_INCOME, -fees),
    )
    entries = tuple(Entry(account, amount_minor) for account, amount_minor in lines if amount_minor)
    if not entries:
        return None
    key = f"cob:{loan_id}:{on}" if cause is None else f"accrual:{loan_id}:{on}:{cause}"
    return Journal(key, on, currency, f"Accrual of {loan_id}", entries)


def _earned(row: Installment, start: date, on: date) -> int:
    if on >= row.due_on:
        return row.interest_minor
    return row.interest_minor * max(0, (on - start).days) // max(1, (row.due_on - start).days)
