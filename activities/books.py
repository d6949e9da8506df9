"""Writing into the ledger: once per business event, in the caller's transaction, and never into a closed period."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.chart import Account
from models.errors import NotFound
from models.ids import derived_id
from models.ledger import Entry, Journal, refuse_closed, reversal_of
from models.records.billing import Invoice
from models.records.ledger import ClosedPeriodRow, EntryRow, JournalRow
from models.records.loans import Loan


class UnknownJournal(NotFound):
    """The books hold no such journal."""


async def book(session: AsyncSession, subject: Loan | Invoice, journal: Journal) -> bool:
    """Append the journal of a loan or an invoice; False when this business event is in the books already."""
    tenant_id = subject.tenant_id
    journal_id = journal_id_of(tenant_id, journal.key)
    written = await session.execute(
        insert(JournalRow)
        .values(
            tenant_id=tenant_id,
            id=journal_id,
            key=journal.key,
            loan_id=subject.id if isinstance(subject, Loan) else None,
            invoice_id=subject.id if isinstance(subject, Invoice) else None,
            booked_on=journal.booked_on,
            currency=journal.currency,
            description=journal.description,
            reverses=journal_id_of(tenant_id, journal.reverses) if journal.reverses else None,
        )
        .on_conflict_do_nothing()
        .returning(col(JournalRow.id))
    )
    if not written.first():
        return False
    await session.execute(insert(EntryRow).values(entry_rows(tenant_id, journal_id, journal.entries)))
    return True


async def reverse(session: AsyncSession, loan: Loan, key: str, *, on: date | None = None) -> bool:
    """Take the journal of this key back, on its own day unless another is named; False when that has been done."""
    return await book(session, loan, reversal_of(await journal_in(session, loan, key), on=on))


async def journal_in(session: AsyncSession, loan: Loan, key: str) -> Journal:
    """A journal as it was booked."""
    row = await session.get(JournalRow, (loan.tenant_id, journal_id_of(loan.tenant_id, key)))
    if row is None:
        raise UnknownJournal(f"The books hold no journal {key}.", "key")
    lines = select(EntryRow).where(col(EntryRow.journal_id) == row.id).order_by(col(EntryRow.line))
    entries = tuple(Entry(Account(e.account), e.amount_minor) for e in (await session.execute(lines)).scalars())
    return Journal(row.key, row.booked_on, row.currency, row.description, entries, row.reverses)


async def check_open(session: AsyncSession, tenant_id: str, on: date, *, field: str = "date") -> None:
    """Refuse a day in a closed period with `PeriodClosed`."""
    refuse_closed(on, await closed_through(session, tenant_id), field=field)


async def open_day(session: AsyncSession, tenant_id: str, on: date) -> date:
    """The day itself, or the first one after it whose books are open: where money is booked that nobody may refuse."""
    closed = await closed_through(session, tenant_id)
    return on if closed is None else max(on, closed + timedelta(days=1))


async def closed_through(session: AsyncSession, tenant_id: str) -> date | None:
    """The last day whose books are closed."""
    latest = select(func.max(ClosedPeriodRow.closed_through)).where(col(ClosedPeriodRow.tenant_id) == tenant_id)
    found: date | None = (await session.execute(latest)).scalar()
    return found


def journal_id_of(tenant_id: str, key: str) -> str:
    """The id of the journal of this key."""
    return derived_id("jrn", tenant_id, key)


def entry_rows(tenant_id: str, journal_id: str, entries: Sequence[Entry]) -> list[dict[str, object]]:
    """The entries of a journal as rows."""
    return [
        {
            "tenant_id": tenant_id,
            "journal_id": journal_id,
            "line": line,
            "account": str(entry.account),
            "amount_minor": entry.amount_minor,
        }
        for line, entry in enumerate(entries, 1)
    ]
