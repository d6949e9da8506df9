"""The one way in which anything is posted to a loan: its rows are the replay of its transactions.

    lock the loan (the caller) -> read its transactions -> refuse what may not be -> append -> replay
    -> installments, splits, journals and summary of what changed, in the caller's transaction

A transaction that is recorded late, or undone, changes what the ones after it did: the same replay says what, their ids
stay, and their journals are taken back and booked anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities.accruals import accrue
from activities.aftermath import ENGINE, Cause, announce, follow
from activities.books import book, check_open, open_day, reverse
from activities.chain_mirror import Happened, mirror
from activities.history import Recorded, details_of, history_in
from activities.loans import refresh, save_schedule, schedule_in
from activities.products import Agreement, agreement_of
from models.errors import Refused
from models.ids import derived_id
from models.ledger import Journal, journal_for
from models.loan import LoanPosition, LoanStatus
from models.records.loans import Loan
from models.records.payments import Payment
from models.records.transactions import SplitRow, TransactionRow
from models.replay import LoanAccount, check, replay
from models.transactions import Split, Transaction, TransactionKind


class NotYet(Refused):
    """The day has not come."""


# What these let go is in the books beside their money; a write-off is nothing else.
_FORGIVING = frozenset({TransactionKind.SETTLEMENT, TransactionKind.REFINANCE})


@dataclass(frozen=True, slots=True)
class Note:
    """Who posted a transaction, why, and with which payment it came."""

    actor: str = ENGINE
    reason: str | None = None
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What a posting did; nothing, when the transaction was known."""

    position: LoanPosition
    split: Split
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Booking:
    """What the books show of a transaction: where its money went, what was let go, and how the loan stood by then."""

    split: Split
    forgiven: Split | None
    is_charged_off: bool
    is_standing: bool


def disbursement_transaction_id(loan_id: str) -> str:
    """The id of a loan's first transaction."""
    return derived_id("txn", loan_id, "disbursement")


def today_of(loan: Loan, at: datetime) -> date:
    """The loan's own today: a loan on a virtual clock may be ahead of the workflow that was started for it again."""
    return max(at, loan.clock_at).date()


async def post_transaction(
    session: AsyncSession, loan: Loan, transaction: Transaction, *, at: datetime, note: Note
) -> Posted:
    """Post it and everything that follows from it. The same transaction is posted once."""
    at = max(at, loan.clock_at)
    history = await history_in(session, loan)
    if known := next((r for r in history if r.transaction.id == transaction.id), None):
        return Posted(refresh(session, loan, await schedule_in(session, loan), at=at), known.split, is_new=False)
    agreement, earlier = await agreement_of(session, loan), [r.transaction for r in history]
    before = replayed(agreement, earlier, at.date())
    check(before, transaction)
    after = replayed(agreement, [*earlier, transaction], at.date())
    posted = Recorded(transaction, Split(), 0, await _append(session, loan, transaction, note))
    await _book_changes(session, loan, before, after, [*history, posted])
    await save_schedule(session, loan, await schedule_in(session, loan), after.installments)
    cause = Cause(transaction, at, note.actor, note.reason, LoanStatus(loan.status))
    follow(loan, after, transaction.on)
    refresh(session, loan, after.installments, at=at)
    await accrue(session, loan, after.installments, on=at.date(), cause=transaction.id)
    await announce(session, loan, cause)
    position = refresh(session, loan, after.installments, at=at)
    if loan.on_chain:
        is_restructured = bool(earlier) and before.terms != after.terms
        happened = Happened(transaction.id, at, after.terms, is_restructured=is_restructured)
        await mirror(session, loan, after.installments, happened)
    return Posted(position, after.splits.get(transaction.id, Split()), is_new=True)


async def previewed(session: AsyncSession, loan: Loan, transaction: Transaction, *, today: date) -> LoanAccount:
    """What a transaction would lead to; nothing is posted."""
    await check_day(session, loan, transaction.on, today=today)
    agreement, earlier = await agreement_of(session, loan), [r.transaction for r in await history_in(session, loan)]
    check(replayed(agreement, earlier, today), transaction)
    return replayed(agreement, [*earlier, transaction], today)


def replayed(agreement: Agreement, transactions: Sequence[Transaction], on: date) -> LoanAccount:
    """The account that these transactions make, on a day."""
    return replay(agreement.terms, agreement.policy, transactions, on=on)


async def check_day(session: AsyncSession, loan: Loan, on: date, *, today: date) -> None:
    """Refuse a day that has not come, or whose books are closed. The engine's own postings take another day instead."""
    if on > today:
        raise NotYet(f"{on} has not come; it is {today}.", "date")
    await check_open(session, loan.tenant_id, on)


async def _append(session: AsyncSession, loan: Loan, transaction: Transaction, note: Note) -> TransactionRow:
    row = TransactionRow(
        tenant_id=loan.tenant_id,
        id=transaction.id,
        loan_id=loan.id,
        kind=transaction.kind,
        booked_on=transaction.on,
        amount_minor=transaction.amount_minor,
        currency=loan.currency,
        details=details_of(transaction),
        reason=note.reason,
        actor=note.actor,
        payment_id=note.payment_id,
    )
    session.add(row)
    await session.flush()
    return row


async def _book_changes(
    session: AsyncSession, loan: Loan, before: LoanAccount, after: LoanAccount, history: Sequence[Recorded]
) -> None:
    """Take back the journal of every transaction that did something else before, and book what it does now."""
    was = _bookings(before, [r.transaction for r in history])
    now = _bookings(after, [r.transaction for r in history])
    for each in history:
        if each.version and was[each.transaction.id] == now[each.transaction.id]:
            continue
        if each.version and (old := _journal(loan, each, was[each.transaction.id], each.version)):
            day = await open_day(session, loan.tenant_id, each.transaction.on)
            await reverse(session, loan, old.key, on=day)
        if new := _journal(loan, each, now[each.transaction.id], each.version + 1):
            day = await open_day(session, loan.tenant_id, each.transaction.on)
            await book(session, loan, replace(new, booked_on=day))
        await _save_split(session, loan, each, now[each.transaction.id].split)


def _journal(loan: Loan, recorded: Recorded, booking: _Booking, version: int) -> Journal | None:
    if not booking.is_standing:
        return None
    return journal_for(
        loan.id,
        recorded.transaction,
        booking.split,
        currency=loan.currency,
        version=version,
        forgiven=booking.forgiven,
        is_charged_off=booking.is_charged_off,
    )


def _bookings(account: LoanAccount, transactions: Sequence[Transaction]) -> dict[str, _Booking]:
    """What each transaction is in the books by this account; one that is undone, or not known to it, is nothing."""
    return {
        each.id: _Booking(
            split=account.splits.get(each.id, Split()),
            forgiven=account.forgiven.get(each.id) if each.kind in _FORGIVING else None,
            is_charged_off=each.id in account.while_charged_off,
            is_standing=_stands(account, each),
        )
        for each in transactions
    }


def _stands(account: LoanAccount, transaction: Transaction) -> bool:
    """Whether it is in the books at all. On a loan that was never paid out only the borrower's money is left of it."""
    split = account.splits.get(transaction.id)
    return split is not None and (account.status is not LoanStatus.CANCELLED or split.amount_minor != 0)


async def _save_split(session: AsyncSession, loan: Loan, recorded: Recorded, split: Split) -> None:
    """The next version of a split, and the same on the payment that brought the money."""
    parts = {
        "principal_minor": split.principal_minor,
        "interest_minor": split.interest_minor,
        "fee_minor": split.fee_minor,
        "penalty_minor": split.penalty_minor,
        "overpaid_minor": split.overpaid_minor,
    }
    key = (loan.tenant_id, recorded.transaction.id, recorded.version + 1, loan.id)
    names = ("tenant_id", "transaction_id", "version", "loan_id")
    await session.execute(insert(SplitRow).values(dict(zip(names, key, strict=True)) | parts))
    if recorded.row.payment_id is not None:
        await session.execute(update(Payment).where(col(Payment.id) == recorded.row.payment_id).values(parts))
