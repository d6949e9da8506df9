"""Writing a journal into the ledger: once per business event, in the caller's transaction."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.ids import derived_id
from models.ledger import Journal
from models.records.ledger import EntryRow, JournalRow
from models.records.loans import Loan


async def book(session: AsyncSession, loan: Loan, journal: Journal) -> bool:
    """Append the journal; False when this business event is in the books already."""
    journal_id = derived_id("jrn", loan.tenant_id, journal.key)
    written = await session.execute(
        insert(JournalRow)
        .values(
            tenant_id=loan.tenant_id,
            id=journal_id,
            key=journal.key,
            loan_id=loan.id,
            booked_on=journal.booked_on,
            currency=journal.currency,
            description=journal.description,
        )
        .on_conflict_do_nothing()
        .returning(col(JournalRow.id))
    )
    if not written.first():
        return False
    await session.execute(
        insert(EntryRow),
        [
            {
                "tenant_id": loan.tenant_id,
                "journal_id": journal_id,
                "line": line,
                "account": entry.account,
                "amount_minor": entry.amount_minor,
            }
            for line, entry in enumerate(journal.entries, 1)
        ],
    )
    return True
