"""Collecting what is late: dunning letters, promises to pay, writing off."""

from dataclasses import dataclass
from datetime import date, datetime

from temporalio import activity

from activities.books import book
from activities.loans import locked_loan, refresh, save_schedule, schedule_in
from activities.notices import dunning_notice
from activities.repayments import applicant_of
from activities.servicing import DueStep, announce, forgiven, step_key
from models.events import Event, EventType
from models.ledger import write_off_journal
from models.loan import LOAN, LoanPosition, LoanRef, LoanStatus
from models.money import formatted
from models.records.database import Database
from models.records.outbox import Channel, deliver, emit
from models.servicing_plan import PLAN


@dataclass(frozen=True, slots=True)
class Promise:
    """The borrower has promised to pay by this day."""

    ref: LoanRef
    promised_on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class WriteOff:
    """An operator has given this loan up, for this reason."""

    ref: LoanRef
    reason: str
    at: datetime


class Collection:
    """What happens to a loan in arrears. It ends by itself when the arrears are paid (see Repayments)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Collection.dun")
    async def dun(self, due: DueStep) -> LoanPosition:
        """Send the next letter; the first one puts the loan into collection."""
        async with self._database.transaction(due.ref.tenant_id) as session:
            loan = await locked_loan(session, due.ref)
            schedule = await schedule_in(session, loan)
            overdue = sum(row.outstanding_minor for row in schedule if row.due_on < due.at.date())
            if not overdue:
                return refresh(session, loan, schedule, at=due.at)
            if not loan.in_collection:
                loan.in_collection = True
                announce(session, loan, EventType.COLLECTION_INITIATED, due, {"overdueMinor": overdue})
            level = 1 + sum(1 for days in PLAN.dunning_days if days < due.step.offset_days)
            announce(session, loan, EventType.COLLECTION_NOTICE, due, {"level": level})
            borrower = await applicant_of(session, loan)
            days = (due.at.date() - due.step.due_on).days
            notice = dunning_notice(borrower.first_name, level, formatted(overdue, loan.currency), days)
            key = step_key(loan, due.step)
            deliver(session, loan.tenant_id, Channel.MAIL, borrower.email, *notice, key=key)
            return refresh(session, loan, schedule, at=due.at)

    @activity.defn(name="Collection.record_promise")
    async def record_promise(self, promise: Promise) -> LoanPosition:
        """Write the promise down; until its day the letters stop."""
        async with self._database.transaction(promise.ref.tenant_id) as session:
            loan = await locked_loan(session, promise.ref)
            loan.promised_on = promise.promised_on
            data = {"loanId": loan.id, "promisedOn": promise.promised_on.isoformat()}
            event = Event(EventType.PROMISE_TO_PAY, loan.application_id, promise.at, loan.id, data)
            emit(session, loan.tenant_id, event, key=f"{loan.id}:{promise.promised_on}")
            return refresh(session, loan, await schedule_in(session, loan), at=promise.at)

    @activity.defn(name="Collection.write_off")
    async def write_off(self, order: WriteOff) -> LoanPosition:
        """Give the loan up: what is outstanding becomes a loss in the ledger, and the loan closes."""
        async with self._database.transaction(order.ref.tenant_id) as session:
            loan = await locked_loan(session, order.ref)
            before = await schedule_in(session, loan)
            if loan.status == LoanStatus.CLOSED_WRITTEN_OFF:
                return refresh(session, loan, before, at=order.at)
            loan.status = LOAN.check(LoanStatus(loan.status), LoanStatus.CLOSED_WRITTEN_OFF)
            loan.closed_on = order.at.date()
            loan.in_collection = False
            if loss := write_off_journal(loan.id, before, currency=loan.currency, on=order.at.date()):
                await book(session, loan, loss)
            after = tuple(forgiven(row) for row in before)
            await save_schedule(session, loan, before, after)
            data = {"status": loan.status, "reason": order.reason}
            event = Event(EventType.LOAN_CLOSED, loan.application_id, order.at, loan.id, data, actor="operator")
            emit(session, loan.tenant_id, event, key=loan.id)
            return refresh(session, loan, after, at=order.at)
