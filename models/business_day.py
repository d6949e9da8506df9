"""The end of a business day for one loan: what its row and the books say once the day is closed.

    aging (days past due, bucket, class, stage, non-accrual) -> accrual -> charge-off due -> provision

Everything follows from a few sums over the installments, whatever the loan has lived through.
"""

from dataclasses import dataclass, replace
from datetime import date

from models.accrual import Accrued, Income, accrual_journal
from models.aging import Aging, Known, aging_of
from models.ledger import Journal
from models.product import STANDARD, LoanProduct
from models.provisioning import allowance_minor, provision_journal


@dataclass(frozen=True, slots=True)
class ScheduleSums:
    """What a schedule adds up to at the end of a day; `oldest_due_on` is the oldest due date still unpaid."""

    principal_outstanding_minor: int
    income: Income
    oldest_due_on: date | None = None


@dataclass(frozen=True, slots=True)
class BookedLoan:
    """A loan as the close of a day finds it; of one that was cancelled nothing was ever earned."""

    id: str
    currency: str
    accrued: Accrued
    allowance_minor: int
    known: Known
    is_charged_off: bool = False
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the passing of a day changes on a loan."""

    aging: Aging
    accrued: Accrued
    allowance_minor: int
    is_charge_off_due: bool


def standing_on(loan: BookedLoan, sums: ScheduleSums, *, on: date, product: LoanProduct = STANDARD) -> Standing:
    """How the loan stands at the end of the day."""
    aging = aging_of(sums.oldest_due_on, on, product=product, known=loan.known)
    to_book = sums.income.to_book(
        is_non_accrual=aging.non_accrual_since is not None, is_charged_off=loan.is_charged_off
    )
    law = product.rules(on=on).classification
    set_aside = allowance_minor(sums.principal_outstanding_minor, aging.ifrs_stage, aging.classification, law=law)
    return Standing(
        aging=aging,
        accrued=Accrued() if loan.is_cancelled else to_book,
        allowance_minor=0 if loan.is_charged_off else set_aside,
        is_charge_off_due=aging.is_charge_off_due and not loan.is_charged_off,
    )


def closing_journals(loan: BookedLoan, standing: Standing, *, on: date, booked_on: date) -> tuple[Journal, ...]:
    """What the close of a day books, at most an accrual and a provision; their keys name the day that is closed."""
    journals = (
        accrual_journal(loan.id, loan.accrued, standing.accrued, currency=loan.currency, on=on),
        provision_journal(loan.id, loan.allowance_minor, standing.allowance_minor, currency=loan.currency, on=on),
    )
    return tuple(replace(journal, booked_on=booked_on) for journal in journals if journal)
