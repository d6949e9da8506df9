"""Reading a loan's statement from the books, for any days and as it was known at any moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.history import Recorded, history_in, reversed_in
from models.chart import Account
from models.records.ledger import EntryRow, JournalRow
from models.records.loans import Loan
from models.statement import Line, Movement, Statement, statement_of
from models.transactions import TransactionKind

_PRINCIPAL = (Account.LOANS_RECEIVABLE, Account.RECOVERIES)
_OWED = (
    *_PRINCIPAL,
    Account.INTEREST_RECEIVABLE,
    Account.FEES_RECEIVABLE,
    Account.LATE_FEES_RECEIVABLE,
    Account.BORROWER_CREDIT,
)
# A charge-off is our own bookkeeping: the borrower owes as before, and what is paid after it pays the debt. A recovery
# is money for a debt that has been written off, and stands for nothing that is owed.
_NOT_THE_BORROWERS = frozenset({TransactionKind.CHARGE_OFF, TransactionKind.UNDO_CHARGE_OFF, TransactionKind.RECOVERY})
_KINDS = frozenset(TransactionKind)
_ACCRUAL, _REVERSAL = "accrual", "reversal"


@dataclass(frozen=True, slots=True)
class LoanStatement:
    """A statement and the transactions its lines name."""

    statement: Statement
    recorded: Mapping[str, Recorded]
    reversed: frozenset[str]


async def statement_in(
    session: AsyncSession, loan: Loan, *, since: date, until: date, known_at: datetime | None
) -> LoanStatement:
    """The loan's statement between two days."""
    history = await history_in(session, loan, known_at=known_at)
    movements = await _movements(session, loan, until, known_at)
    return LoanStatement(
        statement_of(movements, since=since, until=until),
        {each.transaction.id: each for each in history},
        reversed_in(history),
    )


def kind_of(line: Line, recorded: Mapping[str, Recorded]) -> str:
    """What a line is: a transaction's kind, or interest."""
    known = recorded.get(line.transaction_id or "")
    return "interest" if known is None else str(known.transaction.kind)


async def _movements(session: AsyncSession, loan: Loan, until: date, known_at: datetime | None) -> Sequence[Movement]:
    account, amount = col(EntryRow.account), col(EntryRow.amount_minor)
    query = (
        select(
            col(JournalRow.key),
            col(JournalRow.booked_on),
            func.sum(case((account.in_(_OWED), amount), else_=0)),
            func.sum(case((account.in_(_PRINCIPAL), amount), else_=0)),
        )
        .join(EntryRow, col(EntryRow.journal_id) == col(JournalRow.id))
        .where(col(JournalRow.loan_id) == loan.id, col(JournalRow.booked_on) <= until)
        .group_by(col(JournalRow.tenant_id), col(JournalRow.id))
        .order_by(col(JournalRow.booked_on), col(JournalRow.recorded_at), col(JournalRow.key))
    )
    if known_at is not None:
        query = query.where(col(JournalRow.recorded_at) <= known_at)
    rows = await session.execute(query)
    return [_movement(key, on, int(owed), int(principal)) for key, on, owed, principal in rows]


def _movement(key: str, on: date, owed_minor: int, principal_minor: int) -> Movement:
    """`reversal:repayment:txn_1:2` and `repayment:txn_1:2` are both about the transaction txn_1."""
    kind, name, *_ = key.removeprefix(f"{_REVERSAL}:").split(":")
    if kind not in _KINDS:
        return Movement(on, None, _ACCRUAL, owed_minor, principal_minor)
    if kind in _NOT_THE_BORROWERS:
        return Movement(on, name, kind, 0, 0)
    return Movement(on, name, kind, owed_minor, principal_minor)
