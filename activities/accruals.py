"""Bringing the income of a loan up to a day, in the transaction of whatever happens to the loan."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from activities.books import book, open_day
from models.accrual import Accrued, accrual_journal, accrued_target
from models.loan import LoanStatus
from models.records.loans import Loan
from models.terms import Installment


async def accrue(
    session: AsyncSession, loan: Loan, installments: Sequence[Installment], *, on: date, cause: str
) -> None:
    """Book what the loan has earned by the end of the day and the books do not show yet, or take back what it has not.

    Call it last, when the rows and the flags of the loan are as the transaction leaves them. `cause` names the
    transaction or the step, so that two of one day have a journal each.
    """
    if loan.status == LoanStatus.CANCELLED:  # its journals have been taken back as a whole
        return
    target = accrued_target(
        installments,
        on,
        loan.disbursed_on,
        is_non_accrual=loan.non_accrual_since is not None,
        is_charged_off=loan.charged_off_on is not None,
    )
    booked = Accrued(loan.interest_accrued_minor, loan.fees_accrued_minor)
    if booked == target:
        return
    day = await open_day(session, loan.tenant_id, on)
    journal = accrual_journal(loan.id, booked, target, currency=loan.currency, on=day, cause=cause)
    assert journal is not None, "they differ"
    if not await book(session, loan, journal):
        raise AssertionError(f"{journal.key} names two accruals")
    loan.interest_accrued_minor = target.interest_minor
    loan.fees_accrued_minor = target.fees_minor
