"""Posting money that has arrived: allocation, ledger, event and notice in one transaction."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.aftermath import applicant_of
from activities.books import open_day
from activities.loans import locked_loan, refresh, schedule_in
from activities.notices import payment_notice
from activities.postings import Note, post_transaction, today_of
from models.events import Event, EventType
from models.ids import derived_id
from models.loan import LoanPosition, LoanRef, LoanStatus
from models.money import formatted, major_units
from models.payment import PAYMENT, PaymentReceived, PaymentStatus
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment
from models.transactions import Transaction, TransactionKind


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
            return await post_payment(session, loan, payment, posting.payment.received_on, at=posting.at)


async def post_payment(
    session: AsyncSession, loan: Loan, payment: Payment, received_on: date | None, *, at: datetime
) -> LoanPosition:
    """Post a payment of a locked loan in the caller's transaction; one that is posted stays as it is."""
    if payment.status != PaymentStatus.PENDING:
        return refresh(session, loan, await schedule_in(session, loan), at=at)
    transaction = await _transaction(session, loan, payment, received_on, at)
    payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.SUCCEEDED)
    payment.received_on = transaction.on
    payment.posted_at = at
    posted = await post_transaction(session, loan, transaction, at=at, note=Note(payment_id=payment.id))
    await _announce(session, loan, payment, at)
    return posted.position


async def _transaction(
    session: AsyncSession, loan: Loan, payment: Payment, received_on: date | None, at: datetime
) -> Transaction:
    """Money is never refused: for a loan that was given up it is a recovery."""
    is_given_up = loan.status == LoanStatus.CLOSED_WRITTEN_OFF
    return Transaction(
        id=derived_id("txn", payment.id),
        kind=TransactionKind.RECOVERY if is_given_up else TransactionKind.REPAYMENT,
        on=await _value_date(session, loan, received_on, at),
        amount_minor=payment.amount_minor,
    )


async def _value_date(session: AsyncSession, loan: Loan, received_on: date | None, at: datetime) -> date:
    """The day the money counts from: the rail's, held between the disbursement and the loan's own today.

    Where the books of that day are closed, it counts from the first day that is open.
    """
    today = today_of(loan, at)
    return await open_day(session, loan.tenant_id, min(max(received_on or today, loan.disbursed_on), today))


async def _announce(session: AsyncSession, loan: Loan, payment: Payment, at: datetime) -> None:
    amount = float(major_units(payment.amount_minor, payment.currency))
    data = {"paymentId": payment.id, "amount": amount, "currency": payment.currency}
    event = Event(EventType.PAYMENT_PROCESSED, loan.application_id, at, loan.id, data)
    emit(session, loan.tenant_id, event, key=payment.id)
    applicant = await applicant_of(session, loan)
    notice = payment_notice(
        applicant.first_name,
        formatted(payment.amount_minor, payment.currency),
        formatted(loan.outstanding_minor, loan.currency),
    )
    deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, *notice, key=f"posted:{payment.id}")
