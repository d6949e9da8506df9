"""Posting what an operator or a rail says has happened to a loan."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.history import is_posted
from activities.loans import locked_loan
from activities.payoffs import payoffs_on
from activities.postings import Note, check_day, post_transaction, today_of
from activities.token_loans import check_money
from models.allocation import Part
from models.ids import derived_id
from models.loan import LoanPosition, LoanRef
from models.payment import PAYMENT, PaymentKind, PaymentStatus
from models.records.database import Database
from models.records.loans import Loan
from models.records.payments import Payment
from models.records.transactions import TransactionRow
from models.transactions import NewTerms, Transaction, TransactionKind

_OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class TransactionOrder:
    """What is to be posted. `id` becomes the transaction's: the same order is the same transaction.

    Without `on` it counts from the loan's own today; without `amount_minor`, where one is possible, it is for all.
    """

    id: str
    kind: TransactionKind
    amount_minor: int | None = None
    on: date | None = None
    part: Part | None = None
    due_on: date | None = None
    installment: int | None = None
    reverses: str | None = None
    terms: NewTerms | None = None
    reason: str | None = None
    actor: str = "operator"


@dataclass(frozen=True, slots=True)
class Ordered:
    """This order is to be carried out on this loan, now."""

    ref: LoanRef
    order: TransactionOrder
    at: datetime


class Transactions:
    """Posts orders. What may not be is refused by name, and nothing is posted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Transactions.post")
    async def post(self, ordered: Ordered) -> LoanPosition:
        """Post one order; posting it again changes nothing."""
        order = ordered.order
        async with self._database.transaction(ordered.ref.tenant_id) as session:
            loan = await locked_loan(session, ordered.ref)
            today = today_of(loan, ordered.at)
            transaction = transaction_for(order, today)
            if order.kind is TransactionKind.REFINANCE and order.amount_minor is None:
                (payoff,) = await payoffs_on(session, loan, [transaction.on])
                transaction = replace(transaction, amount_minor=payoff.total_minor)
            if not await is_posted(session, loan, transaction.id):
                await check_money(session, loan, transaction)
                await check_day(session, loan, transaction.on, today=today)
            refund = _refund(loan, order, ordered.at) if order.kind is TransactionKind.REFUND else None
            note = Note(order.actor, order.reason, refund.id if refund else None)
            posted = await post_transaction(session, loan, transaction, at=ordered.at, note=note)
            if posted.is_new and refund:
                session.add(refund)
            if posted.is_new and transaction.kind is TransactionKind.REVERSAL:
                await _undo_payment(session, loan, transaction)
            return posted.position


def transaction_for(order: TransactionOrder, today: date) -> Transaction:
    """The order as a transaction of the day it counts from."""
    return Transaction(
        id=order.id,
        kind=order.kind,
        on=order.on or today,
        amount_minor=order.amount_minor or 0,
        part=order.part,
        due_on=order.due_on,
        installment=order.installment,
        reverses=order.reverses,
        terms=order.terms,
    )


def _refund(loan: Loan, order: TransactionOrder, at: datetime) -> Payment:
    """The movement of money behind a refund, which is made outside: the rail is told nothing."""
    return Payment(
        tenant_id=loan.tenant_id,
        id=derived_id("pay", order.id),
        loan_id=loan.id,
        kind=PaymentKind.REFUND,
        status=PaymentStatus.SUCCEEDED,
        method=_OUTSIDE,
        rail=_OUTSIDE,
        external_reference=order.id,
        amount_minor=order.amount_minor or 0,
        currency=loan.currency,
        received_on=order.on or today_of(loan, at),
        posted_at=at,
    )


async def _undo_payment(session: AsyncSession, loan: Loan, reversal: Transaction) -> None:
    """The payment that brought the money of an undone transaction is reversed as well."""
    undone = await session.get_one(TransactionRow, (loan.tenant_id, reversal.reverses))
    if undone.payment_id is not None:
        payment = await session.get_one(Payment, (loan.tenant_id, undone.payment_id), with_for_update=True)
        payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.REVERSED)
