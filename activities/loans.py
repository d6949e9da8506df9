"""Reading and writing a loan's rows as the values the arithmetic works on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.aging import Known, aging_of, oldest_unpaid
from models.dates import DayCount, Frequency
from models.delinquency import Pause
from models.errors import NotFound
from models.loan import LoanPosition, LoanRef, LoanStatus, position_of
from models.product import STANDARD, LoanProduct
from models.product_schedule import Choices
from models.records.loans import InstallmentRow, Loan
from models.records.products import product_of, read_product
from models.terms import Installment, LoanTerms, Method

# Between two machines. A loan that is further ahead lives on a virtual clock.
_CLOCKS_DIFFER = timedelta(minutes=5)


class UnknownLoan(NotFound):
    """The tenant has no such loan."""


async def locked_loan(session: AsyncSession, ref: LoanRef) -> Loan:
    """The loan's row, locked until the transaction ends."""
    loan = await session.get(Loan, (ref.tenant_id, ref.loan_id), with_for_update=True)
    if loan is None:
        raise UnknownLoan(f"There is no loan {ref.loan_id}.", "loanId")
    await product_of(session, loan)
    return loan


def terms_of(loan: Loan, product: LoanProduct = STANDARD) -> LoanTerms:
    """The terms the loan was born with."""
    chosen = Choices(
        principal_minor=loan.principal_minor,
        currency=loan.currency,
        annual_rate_percent=loan.annual_rate_percent,
        installments=loan.installments,
        disbursed_on=loan.disbursed_on,
        processing_fee_minor=loan.processing_fee_minor,
    )
    return replace(
        product.terms(chosen),
        frequency=Frequency(loan.frequency),
        every=loan.every,
        method=Method(loan.method),
        day_count=DayCount(loan.day_count),
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
    """Write the installments that changed, in one statement per batch. A restructure may add some, or need fewer."""
    known = {row.number: row for row in before}
    changed = [row for row in after if row.number in known and row != known[row.number]]
    if changed:
        await session.execute(
            update(InstallmentRow),
            [{"tenant_id": loan.tenant_id, "loan_id": loan.id, **_columns(row)} for row in changed],
        )
    session.add_all(installment_rows(loan, [row for row in after if row.number not in known]))
    if gone := known.keys() - {row.number for row in after}:
        await session.execute(
            delete(InstallmentRow).where(
                col(InstallmentRow.loan_id) == loan.id, col(InstallmentRow.number).in_(sorted(gone))
            )
        )


def refresh(session: AsyncSession, loan: Loan, schedule: Sequence[Installment], *, at: datetime) -> LoanPosition:
    """Bring the loan's summary in line with its schedule at `at`, and say where it stands."""
    on = at.date()
    open_rows = [row for row in schedule if row.outstanding_minor > 0]
    loan.outstanding_minor = sum(row.outstanding_minor for row in open_rows)
    loan.next_due_on = open_rows[0].due_on if open_rows else None
    aging = aging_of(
        oldest_unpaid([(row.due_on, row.outstanding_minor) for row in schedule]),
        on,
        product=read_product(session, loan),
        known=Known(loan.classification, loan.non_accrual_since, pauses_of(loan)),
    )
    loan.days_past_due = aging.days_past_due
    loan.delinquency_bucket = aging.bucket
    loan.ifrs_stage = aging.ifrs_stage
    loan.classification = aging.classification
    loan.non_accrual_since = aging.non_accrual_since
    loan.charge_off_due = aging.is_charge_off_due and loan.charged_off_on is None
    loan.is_virtual = loan.is_virtual or at > datetime.now(UTC) + _CLOCKS_DIFFER
    loan.clock_at = max(loan.clock_at, at)
    session.add(loan)
    return _position(session, loan, schedule, on)


async def position_in(session: AsyncSession, loan: Loan, *, on: date) -> LoanPosition:
    """Where the loan stands on a day, read from its rows."""
    await product_of(session, loan)
    return _position(session, loan, await schedule_in(session, loan), on)


def pauses_of(loan: Loan) -> tuple[Pause, ...]:
    """The days of forbearance the loan was granted."""
    if loan.forbearance_since is None or loan.forbearance_until is None:
        return ()
    return (Pause(loan.forbearance_since, loan.forbearance_until),)


def _position(session: AsyncSession, loan: Loan, schedule: Sequence[Installment], on: date) -> LoanPosition:
    position = position_of(
        schedule,
        status=LoanStatus(loan.status),
        currency=loan.currency,
        in_collection=loan.in_collection,
        promised_on=loan.promised_on,
        on=on,
    )
    if loan.product_id is None and not pauses_of(loan):
        return position
    product = read_product(session, loan)
    return position.under(product.plan, product.delinquency, loan.days_past_due)


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
