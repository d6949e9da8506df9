"""Interest and fees as income: earned day by day, whether they have been paid or not.

    interest earned by a day   the interest of every row that is due by then, and of the row that runs
                               interest x days since it began / days in it, rounded down
    fees earned by a day       the fees of every row that is due by then
    in the books               what is earned, or what is paid when that is more

From 90 days past due a loan is on non-accrual: of its interest only what is paid is income, until its arrears are paid.
What is not expected any more (charged off) is income only as far as it is paid. A journal books the difference to what
was booked before, so that it does not matter how often, or after what, it is asked for.
"""

from collections.abc import Iterable, Sequence
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


def earned_minor(installments: Sequence[Installment], on: date, disbursed_on: date) -> int:
    """The interest of a schedule that is earned by the end of a day."""
    starts = [disbursed_on, *(row.due_on for row in installments)]
    return sum(_earned(row, start, on) for row, start in zip(installments, starts, strict=False))


def accrued_target(
    installments: Sequence[Installment],
    on: date,
    disbursed_on: date,
    *,
    is_non_accrual: bool = False,
    is_charged_off: bool = False,
) -> Accrued:
    """What ought to be in the books at the end of a day."""
    interest_paid = sum(row.interest_paid_minor for row in installments)
    fees_paid = sum(row.fee_paid_minor for row in installments)
    if is_charged_off:
        return Accrued(interest_paid, fees_paid)
    interest = interest_paid if is_non_accrual else max(interest_paid, earned_minor(installments, on, disbursed_on))
    return Accrued(interest, max(fees_paid, _fees_due(installments, on)))


def accrual_journal(
    loan_id: str, booked: Accrued, target: Accrued, *, currency: str, on: date, cause: str | None = None
) -> Journal | None:
    """The journal from what is booked to what ought to be, or None when nothing is missing.

    A day's own accrual has no cause; one that a transaction causes is named after it.
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
    key = f"accrual:{loan_id}:{on}"
    return Journal(key if cause is None else f"{key}:{cause}", on, currency, f"Accrual of {loan_id}", entries)


def _earned(row: Installment, start: date, on: date) -> int:
    if on >= row.due_on:
        return row.interest_minor
    return row.interest_minor * max(0, (on - start).days) // max(1, (row.due_on - start).days)


def _fees_due(installments: Iterable[Installment], on: date) -> int:
    return sum(row.fee_minor for row in installments if row.due_on <= on)
