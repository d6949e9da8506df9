"""Bringing the income of a loan up to a day, in the transaction of whatever happens to the loan."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from activities.books import book, open_day
from activities.chain_mirror import Happened, mirror
from activities.loans import refresh
from models.accrual import Accrued, accrual_journal, accrued_target
from models.ledger import Journal
from models.loan import LoanPosition, LoanStatus
from models.provisioning import allowance_minor, provision_journal
from models.records.loans import Loan
from models.records.products import read_product
from models.terms import Installment


async def accrue(
    session: AsyncSession, loan: Loan, installments: Sequence[Installment], *, on: date, cause: str
) -> None:
    """Book what the loan has earned by the end of the day and the books do not show yet, or take back what it has not.

    Call it last, when the rows and the flags of the loan are as the transaction leaves them. `cause` names the
    transaction or the step, so that two of one day have a journal each.
    """
    loan.accrued_on = max(loan.accrued_on or on, on)
    booked = Accrued(loan.interest_accrued_minor, loan.fees_accrued_minor)
    target = accrued_target(
        () if loan.status == LoanStatus.CANCELLED else installments,  # the money has come back: nothing was ever earned
        on,
        loan.disbursed_on,
        is_non_accrual=loan.non_accrual_since is not None,
        is_charged_off=loan.charged_off_on is not None,
    )
    if journal := accrual_journal(loan.id, booked, target, currency=loan.currency, on=on, cause=cause):
        await _book(session, loan, journal)
        loan.interest_accrued_minor, loan.fees_accrued_minor = target.interest_minor, target.fees_minor
    if loan.is_virtual:  # no close of business comes to it
        await _provide(session, loan, installments, on=on, cause=cause)


async def live_on(
    session: AsyncSession, loan: Loan, installments: Sequence[Installment], *, at: datetime, cause: str
) -> LoanPosition:
    """Let a step of the loan's plan pass: a loan on a virtual clock has no other close of business."""
    position = refresh(session, loan, installments, at=at)
    if loan.is_virtual and position.is_open:
        await accrue(session, loan, installments, on=at.date(), cause=cause)
    if loan.on_chain:
        await mirror(session, loan, installments, Happened(cause, at))
    return position


async def _provide(
    session: AsyncSession, loan: Loan, installments: Sequence[Installment], *, on: date, cause: str
) -> None:
    principal_minor = sum(row.principal_outstanding_minor for row in installments)
    law = read_product(session, loan).rules(on=on).classification
    target = allowance_minor(principal_minor, loan.ifrs_stage, loan.classification, law=law)
    if loan.charged_off_on is not None:
        target = 0
    booked = loan.allowance_minor
    if journal := provision_journal(loan.id, booked, target, currency=loan.currency, on=on, cause=cause):
        await _book(session, loan, journal)
        loan.allowance_minor = target


async def _book(session: AsyncSession, loan: Loan, journal: Journal) -> None:
    """Book it on its day, or on the first open one. The loan's row knows what is booked, so this is always more of it:
    a cause that comes a second time on one day has a second journal.
    """
    day = await open_day(session, loan.tenant_id, journal.booked_on)
    for number in count(1):
        key = journal.key if number == 1 else f"{journal.key}:{number}"
        if await book(session, loan, replace(journal, key=key, booked_on=day)):
            return
