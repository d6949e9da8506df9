"""Reading and writing a loan's rows as the values the arithmetic works on."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.dates import DayCount, Frequency
from models.delinquency import bucket_for, days_past_due, ifrs_stage
from models.errors import NotFound
from models.loan import LoanPosition, LoanRef, LoanStatus, position_of
from models.records.loans import InstallmentRow, Loan
from models.terms import Installment, LoanTerms, Method


class UnknownLoan(NotFound):
    """The tenant has no such loan."""


async def locked_loan(session: AsyncSession, ref: LoanRef) -> Loan:
    """The loan's row, locked until the transaction ends."""
    loan = await session.get(Loan, (ref.tenant_id, ref.loan_id), with_for_update=True)
    if loan is None:
        raise UnknownLoan(f"There is no loan {ref.loan_id}.", "loanId")
    return loan


def terms_of(loan: Loan) -> LoanTerms:
    """The terms the loan was born with."""
    return LoanTerms(
        principal_minor=loan.principal_minor,
        currency=loan.currency,
        annual_rate_percent=loan.annual_rate_percent,
        installments=loan.installments,
        frequency=Frequency(loan.frequency),
        every=loan.every,
        method=Method(loan.method),
        day_count=DayCount(loan.day_count),
        processing_fee_minor=loan.processing_fee_minor,
    )


async def schedule_in(session: AsyncSession, loan: Loan) -> tuple[Installment, ...]:
    """The loan's schedule as it stands."""
    rows = await session.execute(
        select(InstallmentRow).where(col(InstallmentRow.loan_id) == loan.id).order_by(col(InstallmentRow.number))
    )
    return tuple(installment_of(row) for row in rows.scalars())


def installment_of(row: InstallmentRow) -> Installment:
    """One row as the value the arithmetic works on."""
    return Installment(
        number=row.number,
        due_on=row.due_on,
        principal_minor=row.principal_minor,
        interest_minor=row.interest_minor,
        fee_minor=row.fee_minor,
        penalty_minor=row.penalty_minor,
        principal_paid_minor=row.principal_paid_minor,
        interest_paid_minor=row.interest_paid_minor,
        fee_paid_minor=row.fee_paid_minor,
        penalty_paid_minor=row.penalty_paid_minor,
        settled_on=row.settled_on,
    )


def installment_rows(loan: Loan, schedule: Sequence[Installment]) -> list[InstallmentRow]:
    """The rows of a new schedule."""
    return [InstallmentRow(tenant_id=loan.tenant_id, loan_id=loan.id, **_columns(row)) for row in schedule]


async def save_schedule(
    session: AsyncSession, loan: Loan, before: Sequence[Installment], after: Sequence[Installment]
) -> None:
    """Write the installments that changed, in one statement per batch."""
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    if changed:
        await session.execute(
            update(InstallmentRow),
            [{"tenant_id": loan.tenant_id, "loan_id": loan.id, **_columns(row)} for row in changed],
        )


def refresh(session: AsyncSession, loan: Loan, schedule: Sequence[Installment], *, at: datetime) -> LoanPosition:
    """Bring the loan's summary in line with its schedule at `at`, and say where it stands."""
    on = at.date()
    open_rows = [row for row in schedule if row.outstanding_minor > 0]
    loan.outstanding_minor = sum(row.outstanding_minor for row in open_rows)
    loan.next_due_on = open_rows[0].due_on if open_rows else None
    loan.days_past_due = days_past_due(schedule, on)
    loan.delinquency_bucket = bucket_for(loan.days_past_due)
    loan.ifrs_stage = ifrs_stage(loan.days_past_due)
    loan.clock_at = max(loan.clock_at, at)
    session.add(loan)
    return _position(loan, schedule, on)


async def position_in(session: AsyncSession, loan: Loan, *, on: date) -> LoanPosition:
    """Where the loan stands on a day, read from its rows."""
    return _position(loan, await schedule_in(session, loan), on)


def _position(loan: Loan, schedule: Sequence[Installment], on: date) -> LoanPosition:
    return position_of(
        schedule,
        status=LoanStatus(loan.status),
        currency=loan.currency,
        in_collection=loan.in_collection,
        promised_on=loan.promised_on,
        on=on,
    )


def _columns(row: Installment) -> dict[str, Any]:
    return {
        "number": row.number,
        "due_on": row.due_on,
        "principal_minor": row.principal_minor,
        "interest_minor": row.interest_minor,
        "fee_minor": row.fee_minor,
        "penalty_minor": row.penalty_minor,
        "principal_paid_minor": row.principal_paid_minor,
        "interest_paid_minor": row.interest_paid_minor,
        "fee_paid_minor": row.fee_paid_minor,
        "penalty_paid_minor": row.penalty_paid_minor,
        "settled_on": row.settled_on,
    }
