"""Collecting what is late: dunning letters, promises to pay, writing off."""

from dataclasses import dataclass
from datetime import date, datetime

from temporalio import activity

from activities.accruals import live_on
from activities.aftermath import applicant_of
from activities.books import open_day
from activities.chain_mirror import Happened, mirror
from activities.loans import locked_loan, pauses_of, refresh, schedule_in
from activities.notices import dunning_notice
from activities.postings import Note, post_transaction, today_of
from activities.servicing import DueStep, announce, step_key
from models.delinquency import prolonged
from models.events import Event, EventType
from models.ids import derived_id
from models.loan import LoanPosition, LoanRef, LoanStatus
from models.money import formatted
from models.records.database import Database
from models.records.outbox import Channel, deliver, emit
from models.records.products import read_product
from models.transactions import Transaction, TransactionKind


@dataclass(frozen=True, slots=True)
class Promise:
    """The borrower has promised to pay by this day."""

    ref: LoanRef
    promised_on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Forbearance:
    """An operator leaves the borrower alone until this day."""

    ref: LoanRef
    until: date
    reason: str | None
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
            level = 1 + sum(1 for days in read_product(session, loan).plan.dunning_days if days < due.step.offset_days)
            announce(session, loan, EventType.COLLECTION_NOTICE, due, {"level": level})
            borrower = await applicant_of(session, loan)
            days = (due.at.date() - due.step.due_on).days
            notice = dunning_notice(borrower.first_name, level, formatted(overdue, loan.currency), days)
            key = step_key(loan, due.step)
            deliver(session, loan.tenant_id, Channel.MAIL, borrower.email, *notice, key=key)
            return await live_on(session, loan, schedule, at=due.at, cause=key)

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

    @activity.defn(name="Collection.forbear")
    async def forbear(self, forbearance: Forbearance) -> LoanPosition:
        """Leave the borrower alone until a day; the loan does not grow older meanwhile, and no letters are sent."""
        async with self._database.transaction(forbearance.ref.tenant_id) as session:
            loan = await locked_loan(session, forbearance.ref)
            earlier = next(iter(pauses_of(loan)), None)
            pause = prolonged(earlier, on=today_of(loan, forbearance.at), until=forbearance.until)
            loan.forbearance_since, loan.forbearance_until = pause.first, pause.last
            loan.promised_on = max(loan.promised_on or forbearance.until, forbearance.until)
            data = {"loanId": loan.id, "until": forbearance.until.isoformat(), "reason": forbearance.reason}
            kind = EventType.FORBEARANCE_GRANTED
            event = Event(kind, loan.application_id, forbearance.at, loan.id, data, actor="operator")
            key = f"{loan.id}:{forbearance.until}"
            emit(session, loan.tenant_id, event, key=key)
            schedule = await schedule_in(session, loan)
            position = refresh(session, loan, schedule, at=forbearance.at)
            if loan.on_chain:
                await mirror(session, loan, schedule, Happened(key, forbearance.at))
            return position

    @activity.defn(name="Collection.write_off")
    async def write_off(self, order: WriteOff) -> LoanPosition:
        """Give the loan up: what is outstanding becomes a loss in the ledger, and the loan closes."""
        async with self._database.transaction(order.ref.tenant_id) as session:
            loan = await locked_loan(session, order.ref)
            if loan.status == LoanStatus.CLOSED_WRITTEN_OFF:
                return refresh(session, loan, await schedule_in(session, loan), at=order.at)
            written_off = Transaction(
                id=derived_id("txn", loan.id, "write_off", order.at.isoformat()),
                kind=TransactionKind.WRITE_OFF,
                on=await open_day(session, loan.tenant_id, today_of(loan, order.at)),
            )
            note = Note(actor="operator", reason=order.reason)
            return (await post_transaction(session, loan, written_off, at=order.at, note=note)).position
