"""What follows from a posting beside the money: the loan's status and flags, what others hear, what is mailed."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.notices import closed_notice
from models.events import Event, EventType
from models.loan import LOAN, OPEN, LoanStatus
from models.money import major_units
from models.records.applications import Applicant, Application
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.replay import LoanAccount
from models.transactions import Transaction

# What the engine posts by itself (a payout, money from a rail, a late fee) has an event of its own.
ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Cause:
    """The transaction that something follows from; who posted it, why, and how the loan stood before."""

    transaction: Transaction
    at: datetime
    actor: str
    reason: str | None
    status_before: LoanStatus


def follow(loan: Loan, account: LoanAccount, on: date) -> None:
    """Bring the loan's status and balances in line with its account."""
    if loan.status != account.status:
        loan.status = LOAN.check(LoanStatus(loan.status), account.status)
        loan.closed_on = None if account.status in OPEN else on
    loan.overpaid_minor = account.overpaid_minor
    loan.charged_off_on = account.charged_off_on


async def announce(session: AsyncSession, loan: Loan, cause: Cause) -> None:
    """Tell of what has changed. Arrears that are gone end a promise and the collection."""
    if cause.actor != ENGINE:
        _emit(session, loan, EventType.TRANSACTION_POSTED, cause, _facts(loan, cause))
    if loan.days_past_due == 0:
        loan.promised_on = None
        if loan.in_collection:
            loan.in_collection = False
            _emit(session, loan, EventType.COLLECTION_CURED, cause, {"transactionId": cause.transaction.id})
    if loan.status == cause.status_before:
        return
    if cause.status_before not in OPEN and loan.status in OPEN:
        _emit(session, loan, EventType.LOAN_REOPENED, cause, {"status": loan.status})
    if loan.status not in OPEN | {LoanStatus.CANCELLED}:
        loan.in_collection = False
        _emit(session, loan, EventType.LOAN_CLOSED, cause, {"status": loan.status, "reason": cause.reason})
    if loan.status == LoanStatus.CLOSED_OBLIGATIONS_MET and loan.closed_on:
        borrower = await applicant_of(session, loan)
        farewell = closed_notice(borrower.first_name, loan.closed_on)
        key = f"closed:{cause.transaction.id}"
        deliver(session, loan.tenant_id, Channel.MAIL, borrower.email, *farewell, key=key)


async def applicant_of(session: AsyncSession, loan: Loan) -> Applicant:
    """The borrower of a loan."""
    application = await session.get_one(Application, (loan.tenant_id, loan.application_id))
    return await session.get_one(Applicant, (loan.tenant_id, application.applicant_id))


def _facts(loan: Loan, cause: Cause) -> dict[str, object]:
    transaction = cause.transaction
    amount = float(major_units(transaction.amount_minor, loan.currency))
    return {
        "transactionId": transaction.id,
        "type": transaction.kind,
        "date": transaction.on.isoformat(),
        "amount": amount,
        "currency": loan.currency,
        "reason": cause.reason,
    }


def _emit(session: AsyncSession, loan: Loan, kind: EventType, cause: Cause, data: dict[str, object]) -> None:
    event = Event(kind, loan.application_id, cause.at, loan.id, data, actor=cause.actor)
    emit(session, loan.tenant_id, event, key=cause.transaction.id)
