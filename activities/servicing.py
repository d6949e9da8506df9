"""A loan's steady life: its account at the rail, reminders, missed days, late fees, aging, and the loan's odd turns."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.books import book
from activities.loans import locked_loan, refresh, save_schedule, schedule_in
from activities.notices import late_fee_notice, reminder_notice
from activities.rails import Rail, VirtualAccount
from activities.repayments import applicant_of
from models.events import Event, EventType
from models.ids import derived_id
from models.ledger import disbursement_returned_journal, late_fee_journal
from models.loan import LOAN, OPEN, LoanPosition, LoanRef, LoanStatus
from models.money import formatted
from models.payment import PAYMENT, PaymentStatus
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment, RailAddress
from models.repayment import charge_late_fee
from models.servicing import Step
from models.servicing_plan import PLAN
from models.terms import Installment


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step of the servicing plan whose time has come."""

    ref: LoanRef
    step: Step
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The rail opened this account for the loan's repayments."""

    ref: LoanRef
    account: VirtualAccount
    at: datetime


@dataclass(frozen=True, slots=True)
class At:
    """This loan, now."""

    ref: LoanRef
    at: datetime


class Servicing:
    """Does what is due on a loan."""

    def __init__(self, database: Database, rail: Rail) -> None:
        self._database = database
        self._rail = rail

    @activity.defn(name="Servicing.open_account")
    async def open_account(self, ref: LoanRef) -> VirtualAccount:
        """Have the rail open the account the borrower pays into; the same one on every call."""
        async with self._database.transaction(ref.tenant_id) as session:
            loan = await locked_loan(session, ref)
            borrower = await applicant_of(session, loan)
            currency, name = loan.currency, f"{borrower.first_name} {borrower.last_name}"
        return await self._rail.open_virtual_account(ref.loan_id, currency, name)

    @activity.defn(name="Servicing.record_account")
    async def record_account(self, opened: AccountOpened) -> LoanPosition:
        """Remember the account, so that what arrives there finds this loan."""
        async with self._database.transaction(opened.ref.tenant_id) as session:
            loan = await locked_loan(session, opened.ref)
            if loan.account_number is None:
                loan.account_number = opened.account.account_number
                loan.account_bank = opened.account.bank_name
                session.add(
                    RailAddress(
                        tenant_id=loan.tenant_id,
                        address=opened.account.account_number,
                        application_id=loan.application_id,
                        loan_id=loan.id,
                    )
                )
            return refresh(session, loan, await schedule_in(session, loan), at=opened.at)

    @activity.defn(name="Servicing.position")
    async def position(self, now: At) -> LoanPosition:
        """Where the loan stands."""
        async with self._database.transaction(now.ref.tenant_id) as session:
            loan = await locked_loan(session, now.ref)
            return refresh(session, loan, await schedule_in(session, loan), at=now.at)

    @activity.defn(name="Servicing.remind")
    async def remind(self, due: DueStep) -> LoanPosition:
        """Tell the borrower that an installment is coming up."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            row = installment_at(schedule, due.step.installment)
            amount = formatted(row.outstanding_minor, loan.currency)
            applicant = await applicant_of(session, loan)
            subject, text = reminder_notice(
                applicant.first_name, row.number, amount, row.due_on, loan.account_number or ""
            )
            key = step_key(loan, due.step)
            deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, subject, text, key=key)
            announce(session, loan, EventType.REPAYMENT_DUE, due, {"dueOn": row.due_on.isoformat()})
            return refresh(session, loan, schedule, at=due.at)

    @activity.defn(name="Servicing.mark_missed")
    async def mark_missed(self, due: DueStep) -> LoanPosition:
        """An installment's day has passed without its money."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            row = installment_at(schedule, due.step.installment)
            announce(session, loan, EventType.REPAYMENT_MISSED, due, {"dueOn": row.due_on.isoformat()})
            return refresh(session, loan, schedule, at=due.at)

    @activity.defn(name="Servicing.charge_late_fee")
    async def charge_late_fee(self, due: DueStep) -> LoanPosition:
        """Add the late fee to the overdue installment: schedule, ledger and notice, once."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            before = await schedule_in(session, loan)
            row = installment_at(before, due.step.installment)
            fee = PLAN.late_fee_minor(row.outstanding_minor)
            if fee == 0:  # of a few cents
                return refresh(session, loan, before, at=due.at)
            journal = late_fee_journal(loan.id, row.number, fee, currency=loan.currency, on=due.at.date())
            if not await book(session, loan, journal):
                return refresh(session, loan, before, at=due.at)
            after = charge_late_fee(before, row.number, fee)
            await save_schedule(session, loan, before, after)
            applicant = await applicant_of(session, loan)
            notice = late_fee_notice(applicant.first_name, row.number, formatted(fee, loan.currency), row.due_on)
            key = step_key(loan, due.step)
            deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, *notice, key=key)
            announce(session, loan, EventType.LATE_FEE_CHARGED, due, {"amountMinor": fee})
            return refresh(session, loan, after, at=due.at)

    @activity.defn(name="Servicing.age")
    async def age(self, due: DueStep) -> LoanPosition:
        """The arrears have entered another bucket."""
        return await self.position(At(due.ref, due.at))

    @activity.defn(name="Servicing.cancel")
    async def cancel(self, now: At) -> LoanPosition:
        """The rail has returned the disbursement: the money never arrived, so nothing is owed."""
        async with self._database.transaction(now.ref.tenant_id) as session:
            loan = await locked_loan(session, now.ref)
            before = await schedule_in(session, loan)
            if LoanStatus(loan.status) in OPEN:
                payment = await session.get_one(Payment, (loan.tenant_id, _disbursement_id(loan)), with_for_update=True)
                payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.REVERSED)
                loan.status = LOAN.check(LoanStatus(loan.status), LoanStatus.CANCELLED)
                loan.closed_on = now.at.date()
                returned = disbursement_returned_journal(
                    loan.id,
                    before,
                    fee_minor=loan.processing_fee_minor,
                    currency=loan.currency,
                    on=now.at.date(),
                )
                await book(session, loan, returned)
                loan.overpaid_minor += sum(row.paid_minor for row in before)
                after = tuple(forgiven(row) for row in before)
                await save_schedule(session, loan, before, after)
                event = Event(EventType.DISBURSEMENT_RETURNED, loan.application_id, now.at, loan.id)
                emit(session, loan.tenant_id, event, key=loan.id)
                return refresh(session, loan, after, at=now.at)
            return refresh(session, loan, before, at=now.at)


def step_key(loan: Loan, step: Step) -> str:
    """What makes this step this step; a repetition has the same key."""
    return f"{step.kind}:{loan.id}:{step.installment}:{step.offset_days}"


def installment_at(schedule: tuple[Installment, ...], number: int) -> Installment:
    """The installment with this number."""
    return next(row for row in schedule if row.number == number)


def announce(session: AsyncSession, loan: Loan, kind: EventType, due: DueStep, data: dict[str, object]) -> None:
    """Emit the event of a step."""
    data = {"loanId": loan.id, "installment": due.step.installment, **data}
    event = Event(kind, loan.application_id, due.at, loan.id, data)
    emit(session, loan.tenant_id, event, key=step_key(loan, due.step))


def forgiven(row: Installment) -> Installment:
    """The installment with nothing more to pay: what was paid of it is all that is due."""
    return replace(
        row,
        principal_minor=row.principal_paid_minor,
        interest_minor=row.interest_paid_minor,
        fee_minor=row.fee_paid_minor,
        penalty_minor=row.penalty_paid_minor,
    )


def _disbursement_id(loan: Loan) -> str:
    return derived_id("pay", loan.id, "disbursement")
