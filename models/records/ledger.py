"""The double-entry ledger: append-only journals whose entries sum to zero, kept so by the database as well."""

from datetime import date

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, minor


class JournalRow(RecordedRow, table=True):
    """One business event in the books. Its key says which, so that it is booked once."""

    __tablename__ = "caas_journal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", name="caas_journal_key"),
        Index("caas_journal_loan", "tenant_id", "loan_id"),
    )

    id: str = Field(primary_key=True)
    key: str
    loan_id: str
    booked_on: date
    currency: str
    description: str


class EntryRow(RecordedRow, table=True):
    """One side of a journal: a debit is positive, a credit negative."""

    __tablename__ = "caas_entry"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "journal_id"], ["caas_journal.tenant_id", "caas_journal.id"]),)

    journal_id: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    account: str
    amount_minor: int = minor()
