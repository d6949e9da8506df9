"""A loan's transactions as rows, and as the values the arithmetic works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.allocation import Part
from models.records.loans import Loan
from models.records.transactions import SplitRow, TransactionRow
from models.transactions import NewTerms, Split, Transaction, TransactionKind


@dataclass(frozen=True, slots=True)
class Recorded:
    """A transaction that was recorded, and where its money went by the newest version known."""

    transaction: Transaction
    split: Split
    version: int
    row: TransactionRow


async def history_in(session: AsyncSession, loan: Loan, *, known_at: datetime | None = None) -> tuple[Recorded, ...]:
    """What happened to the loan, in the order of recording; as it was known at a moment if one is given."""
    rows = select(TransactionRow).where(col(TransactionRow.loan_id) == loan.id)
    splits = select(SplitRow).where(col(SplitRow.loan_id) == loan.id)
    if known_at is not None:
        rows = rows.where(col(TransactionRow.recorded_at) <= known_at)
        splits = splits.where(col(SplitRow.recorded_at) <= known_at)
    by_id = {split.transaction_id: split for split in (await session.execute(_newest(splits))).scalars()}
    found = (await session.execute(rows.order_by(col(TransactionRow.sequence)))).scalars()
    return tuple(_recorded(row, by_id.get(row.id)) for row in found)


async def is_posted(session: AsyncSession, loan: Loan, transaction_id: str) -> bool:
    """Whether the transaction is on record."""
    return await session.get(TransactionRow, (loan.tenant_id, transaction_id)) is not None


async def page_of(
    session: AsyncSession, loan: Loan, *, after: int, limit: int
) -> tuple[tuple[Recorded, ...], frozenset[str]]:
    """The transactions after a place in the order of recording, and which of them have been undone."""
    rows = (
        select(TransactionRow)
        .where(col(TransactionRow.loan_id) == loan.id, col(TransactionRow.sequence) > after)
        .order_by(col(TransactionRow.sequence))
        .limit(limit)
    )
    found = list((await session.execute(rows)).scalars())
    splits = select(SplitRow).where(col(SplitRow.transaction_id).in_([row.id for row in found]))
    by_id = {split.transaction_id: split for split in (await session.execute(_newest(splits))).scalars()}
    reversals = select(TransactionRow).where(
        col(TransactionRow.loan_id) == loan.id, col(TransactionRow.kind) == TransactionKind.REVERSAL
    )
    undone = frozenset(row.details["reverses"] for row in (await session.execute(reversals)).scalars())
    return tuple(_recorded(row, by_id.get(row.id)) for row in found), undone


def transaction_of(row: TransactionRow) -> Transaction:
    """The row as a value."""
    details = row.details
    return Transaction(
        id=row.id,
        kind=TransactionKind(row.kind),
        on=row.booked_on,
        amount_minor=row.amount_minor,
        part=Part(details["part"]) if "part" in details else None,
        due_on=_day(details.get("dueOn")),
        installment=details.get("installment"),
        reverses=details.get("reverses"),
        terms=_terms(details["terms"]) if "terms" in details else None,
    )


def details_of(transaction: Transaction) -> dict[str, Any]:
    """What a row keeps as a document: only what is there."""
    terms = transaction.terms
    details = {
        "part": transaction.part,
        "dueOn": _text(transaction.due_on),
        "installment": transaction.installment,
        "reverses": transaction.reverses,
        "terms": None if terms is None else _terms_document(terms),
    }
    return {name: value for name, value in details.items() if value is not None}


def split_of(row: SplitRow) -> Split:
    """The row as a value."""
    return Split(
        principal_minor=row.principal_minor,
        interest_minor=row.interest_minor,
        fee_minor=row.fee_minor,
        penalty_minor=row.penalty_minor,
        overpaid_minor=row.overpaid_minor,
    )


def reversed_in(history: Sequence[Recorded]) -> frozenset[str]:
    """The transactions that another one has undone."""
    undoing = (r.transaction for r in history if r.transaction.kind is TransactionKind.REVERSAL)
    return frozenset(each.reverses for each in undoing if each.reverses is not None)


def _newest(splits: Select[SplitRow]) -> Select[SplitRow]:
    """The newest version of each transaction's split."""
    place = col(SplitRow.transaction_id)
    return splits.ext(distinct_on(place)).order_by(place, col(SplitRow.version).desc())


def _recorded(row: TransactionRow, split: SplitRow | None) -> Recorded:
    if split is None:
        return Recorded(transaction_of(row), Split(), 0, row)
    return Recorded(transaction_of(row), split_of(split), split.version, row)


def _terms(document: Mapping[str, Any]) -> NewTerms:
    rate = document.get("annualRatePercent")
    return NewTerms(
        annual_rate_percent=None if rate is None else Decimal(rate),
        installments=document.get("installments"),
        first_due_on=_day(document.get("firstDueOn")),
    )


def _terms_document(terms: NewTerms) -> dict[str, Any]:
    document = {
        "annualRatePercent": None if terms.annual_rate_percent is None else str(terms.annual_rate_percent),
        "installments": terms.installments,
        "firstDueOn": _text(terms.first_due_on),
    }
    return {name: value for name, value in document.items() if value is not None}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
