"""The double-entry ledger: append-only journals whose entries sum to zero, kept so by the database as well.

`booked_on` is the day a journal counts from, `recorded_at` the moment it was known: a trial balance asks for both.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, instant, minor


class JournalRow(RecordedRow, table=True):
    """One business event in the books, of a loan or of a provider's invoice.

    Its key says which event, so that it is booked once, and reversed once.
    """

    __tablename__ = "caas_journal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", name="caas_journal_key"),
        UniqueConstraint("tenant_id", "reverses", name="caas_journal_reversed_once"),
        ForeignKeyConstraint(
            ["tenant_id", "reverses"], ["caas_journal.tenant_id", "caas_journal.id"], name="caas_journal_reverses"
        ),
        ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"], name="caas_journal_invoice"
        ),
        CheckConstraint("(loan_id IS NULL) <> (invoice_id IS NULL)", name="caas_journal_subject"),
        Index("caas_journal_loan", "tenant_id", "loan_id", "booked_on"),
        Index("caas_journal_booked", "tenant_id", "booked_on", "recorded_at"),
    )

    id: str = Field(primary_key=True)
    key: str
    loan_id: str | None = None
    invoice_id: str | None = None
    booked_on: date
    currency: str
    description: str
    reverses: str | None = None


class EntryRow(RecordedRow, table=True):
    """One side of a journal: a debit is positive, a credit negative."""

    __tablename__ = "caas_entry"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "journal_id"], ["caas_journal.tenant_id", "caas_journal.id"]),)

    journal_id: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    account: str
    amount_minor: int = minor()


class AccountRow(RecordedRow, table=True):
    """What a tenant calls one of our accounts in its own chart; where it says nothing, our own chart holds."""

    __tablename__ = "caas_account"

    account: str = Field(primary_key=True)
    code: str
    name: str


class ClosedPeriodRow(RecordedRow, table=True):
    """Nothing more is booked on or before this day. The latest day of a tenant is the one that counts."""

    __tablename__ = "caas_closed_period"

    closed_through: date = Field(primary_key=True)


class BusinessDayRow(RecordedRow, table=True):
    """The close of one business day: begun, and complete once every loan has been brought to its end."""

    __tablename__ = "caas_business_day"

    business_date: date = Field(primary_key=True)
    loans: int = 0
    completed_at: datetime | None = instant(default=None)
