"""A loan's steady life: its account at the rail, reminders, missed days, late fees, aging, and the loan's odd turns."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.accruals import live_on
from activities.aftermath import applicant_of
from activities.books import open_day
from activities.loans import locked_loan, pauses_of, refresh, schedule_in
from activities.notices import late_fee_notice, reminder_notice
from activities.postings import Note, disbursement_transaction_id, post_transaction, today_of
from activities.rails import Rail, VirtualAccount
from models.events import Event, EventType
from models.ids import derived_id
from models.loan import OPEN, LoanPosition, LoanRef, LoanStatus
from models.money import formatted
from models.payment import PAYMENT, PaymentStatus
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment, RailAddress
from models.records.products import read_product
from models.servicing import Step, StepKind
from models.terms import Installment
from models.transactions import Transaction, TransactionKind


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
            return await live_on(session, loan, schedule, at=due.at, cause=key)

    @activity.defn(name="Servicing.mark_missed")
    async def mark_missed(self, due: DueStep) -> LoanPosition:
        """An installment's day has passed without its money."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            row = installment_at(schedule, due.step.installment)
            announce(session, loan, EventType.REPAYMENT_MISSED, due, {"dueOn": row.due_on.isoformat()})
            return await live_on(session, loan, schedule, at=due.at, cause=step_key(loan, due.step))

    @activity.defn(name="Servicing.charge_late_fee")
    async def charge_late_fee(self, due: DueStep) -> LoanPosition:
        """Add the late fee to the overdue installment: schedule, ledger and notice, once."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            row = installment_at(schedule, due.step.installment)
            fee = read_product(session, loan).plan.late_fee_minor(row.outstanding_minor)
            if fee == 0:  # of a few cents
                return refresh(session, loan, schedule, at=due.at)
            penalty = await _penalty(session, loan, row, fee, due)
            posted = await post_transaction(session, loan, penalty, at=due.at, note=Note(reason="late fee"))
            if posted.is_new:
                applicant = await applicant_of(session, loan)
                notice = late_fee_notice(applicant.first_name, row.number, formatted(fee, loan.currency), row.due_on)
                key = step_key(loan, due.step)
                deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, *notice, key=key)
                announce(session, loan, EventType.LATE_FEE_CHARGED, due, {"amountMinor": fee})
            return posted.position

    @activity.defn(name="Servicing.charge_penalty_interest")
    async def charge_penalty_interest(self, due: DueStep) -> LoanPosition:
        """Add the penalty interest of the days since it was last charged; none in days of forbearance."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule, penal = await schedule_in(session, loan), read_product(session, loan).penalty_interest
            row = installment_at(schedule, due.step.installment)
            overdue = row.principal_outstanding_minor + row.interest_outstanding_minor
            charge = penal.amount_minor(overdue) if penal else 0
            if charge == 0 or any(pause.first <= due.at.date() <= pause.last for pause in pauses_of(loan)):
                return await live_on(session, loan, schedule, at=due.at, cause=step_key(loan, due.step))
            penalty = await _penalty(session, loan, row, charge, due)
            note = Note(reason="penalty interest")
            return (await post_transaction(session, loan, penalty, at=due.at, note=note)).position

    @activity.defn(name="Servicing.age")
    async def age(self, due: DueStep) -> LoanPosition:
        """The arrears have entered another bucket."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            return await live_on(session, loan, schedule, at=due.at, cause=step_key(loan, due.step))

    @activity.defn(name="Servicing.cancel")
    async def cancel(self, now: At) -> LoanPosition:
        """The rail has returned the disbursement: the money never arrived, so nothing is owed."""
        async with self._database.transaction(now.ref.tenant_id) as session:
            loan = await locked_loan(session, now.ref)
            if LoanStatus(loan.status) not in OPEN:
                return refresh(session, loan, await schedule_in(session, loan), at=now.at)
            payment = await session.get_one(Payment, (loan.tenant_id, _disbursement_id(loan)), with_for_update=True)
            payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.REVERSED)
            returned = await _return(session, loan, now)
            posted = await post_transaction(session, loan, returned, at=now.at, note=Note(reason="payout returned"))
            event = Event(EventType.DISBURSEMENT_RETURNED, loan.application_id, now.at, loan.id)
            emit(session, loan.tenant_id, event, key=loan.id)
            return posted.position


async def _penalty(session: AsyncSession, loan: Loan, row: Installment, amount_minor: int, due: DueStep) -> Transaction:
    """One for each installment, due date and day: a loan served again from its beginning is not charged twice."""
    step = due.step
    day = () if step.kind is StepKind.LATE_FEE else (str(step.offset_days),)
    return Transaction(
        id=derived_id("txn", loan.id, step.kind, str(row.number), row.due_on.isoformat(), *day),
        kind=TransactionKind.PENALTY,
        on=await open_day(session, loan.tenant_id, today_of(loan, due.at)),
        amount_minor=amount_minor,
        installment=row.number,
    )


async def _return(session: AsyncSession, loan: Loan, now: At) -> Transaction:
    """The disbursement undone."""
    return Transaction(
        id=derived_id("txn", loan.id, "returned"),
        kind=TransactionKind.REVERSAL,
        on=await open_day(session, loan.tenant_id, today_of(loan, now.at)),
        reverses=disbursement_transaction_id(loan.id),
    )


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


def _disbursement_id(loan: Loan) -> str:
    return derived_id("pay", loan.id, "disbursement")
