"""Posting money that has arrived: allocation, ledger, event and notice in one transaction."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.books import book
from activities.loans import locked_loan, refresh, save_schedule, schedule_in, terms_of
from activities.notices import closed_notice, payment_notice
from models.events import Event, EventType
from models.ledger import repayment_journal
from models.loan import LOAN, OPEN, LoanPosition, LoanRef, LoanStatus
from models.money import formatted, major_units
from models.payment import PAYMENT, PaymentReceived, PaymentStatus
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment
from models.repayment import Allocation, AllocationPolicy, allocate

_POLICY = AllocationPolicy()
_REPAYABLE = OPEN | {LoanStatus.CLOSED_OBLIGATIONS_MET}


@dataclass(frozen=True, slots=True)
class Posting:
    """This payment is to be posted to this loan, now."""

    ref: LoanRef
    payment: PaymentReceived
    at: datetime


class Repayments:
    """Posts repayments. The payment's own status remembers that it was posted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Repayments.post")
    async def post(self, posting: Posting) -> LoanPosition:
        """Post one repayment; posting it again changes nothing."""
        async with self._database.transaction(posting.ref.tenant_id) as session:
            loan = await locked_loan(session, posting.ref)
            key = (posting.ref.tenant_id, posting.payment.payment_id)
            payment = await session.get_one(Payment, key, with_for_update=True)
            schedule = await schedule_in(session, loan)
            if payment.status == PaymentStatus.SUCCEEDED:
                return refresh(session, loan, schedule, at=posting.at)
            value_date = _value_date(posting, loan)
            allocation = allocate(
                payment.amount_minor,
                schedule,
                on=value_date,
                terms=terms_of(loan),
                disbursed_on=loan.disbursed_on,
                policy=_POLICY,
            )
            _settle(payment, allocation, value_date, posting.at)
            await save_schedule(session, loan, schedule, allocation.installments)
            journal = repayment_journal(payment.id, allocation, currency=loan.currency, on=value_date)
            await book(session, loan, journal)
            loan.overpaid_minor += allocation.overpaid_minor
            position = refresh(session, loan, allocation.installments, at=posting.at)
            _follow(loan, position, value_date)
            await _announce(session, loan, payment, posting.at)
            return refresh(session, loan, allocation.installments, at=posting.at)


def _value_date(posting: Posting, loan: Loan) -> date:
    """The day the money counts from: the rail's, held between the disbursement and the loan's own today."""
    today = posting.at.date()
    return min(max(posting.payment.received_on or today, loan.disbursed_on), today)


def _settle(payment: Payment, allocation: Allocation, value_date: date, at: datetime) -> None:
    payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.SUCCEEDED)
    payment.received_on = value_date
    payment.posted_at = at
    payment.principal_minor = allocation.principal_minor
    payment.interest_minor = allocation.interest_minor
    payment.fee_minor = allocation.fee_minor
    payment.penalty_minor = allocation.penalty_minor
    payment.overpaid_minor = allocation.overpaid_minor


def _follow(loan: Loan, position: LoanPosition, value_date: date) -> None:
    """What a payment does to the loan's status and flags. A loan given up or cancelled stays so: the money is kept."""
    if position.outstanding_minor == 0 and loan.status in _REPAYABLE:
        closed = LoanStatus.OVERPAID if loan.overpaid_minor else LoanStatus.CLOSED_OBLIGATIONS_MET
        if loan.status != closed:
            loan.status = LOAN.check(LoanStatus(loan.status), closed)
        loan.closed_on = value_date if closed is LoanStatus.CLOSED_OBLIGATIONS_MET else None
    if position.days_past_due == 0:
        loan.promised_on = None


async def _announce(session: AsyncSession, loan: Loan, payment: Payment, at: datetime) -> None:
    amount = float(major_units(payment.amount_minor, payment.currency))
    data = {"paymentId": payment.id, "amount": amount, "currency": payment.currency}
    _emit(session, loan, EventType.PAYMENT_PROCESSED, at, payment.id, data)
    if loan.in_collection and loan.days_past_due == 0:
        loan.in_collection = False
        _emit(session, loan, EventType.COLLECTION_CURED, at, payment.id, {"paymentId": payment.id})
    applicant = await applicant_of(session, loan)
    notice = payment_notice(
        applicant.first_name,
        formatted(payment.amount_minor, payment.currency),
        formatted(loan.outstanding_minor, loan.currency),
    )
    deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, *notice, key=f"posted:{payment.id}")
    if loan.status == LoanStatus.CLOSED_OBLIGATIONS_MET and loan.closed_on:
        _emit(session, loan, EventType.LOAN_CLOSED, at, payment.id, {"status": loan.status})
        farewell = closed_notice(applicant.first_name, loan.closed_on)
        deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, *farewell, key=f"closed:{payment.id}")


def _emit(session: AsyncSession, loan: Loan, kind: EventType, at: datetime, key: str, data: dict[str, object]) -> None:
    emit(session, loan.tenant_id, Event(kind, loan.application_id, at, loan.id, data), key=key)


async def applicant_of(session: AsyncSession, loan: Loan) -> Applicant:
    """The borrower of a loan."""
    application = await session.get_one(Application, (loan.tenant_id, loan.application_id))
    return await session.get_one(Applicant, (loan.tenant_id, application.applicant_id))
