"""A loan's transactions as they were recorded, and where the money of each went, version by version.

Nothing here is ever changed: a transaction is undone by another one, and a replay that moves the money of an older
transaction adds a version of its split. So what was known on any day can be read back.
"""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index
from sqlmodel import Field

from models.records.columns import RecordedRow, document, minor, word
from models.transactions import TransactionKind


class TransactionRow(RecordedRow, table=True):
    """One posting to a loan. `booked_on` is its value date; `sequence` is the order of recording."""

    __tablename__ = "caas_loan_transaction"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "loan_id"], ["caas_loan.tenant_id", "caas_loan.id"]),
        Index("caas_loan_transaction_loan", "tenant_id", "loan_id", "sequence", unique=True),
    )

    id: str = Field(primary_key=True)
    loan_id: str
    sequence: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_args=[Identity(always=True)]
    )
    kind: TransactionKind = word()
    booked_on: date
    amount_minor: int = minor()
    currency: str
    details: dict[str, Any] = document(default_factory=dict)
    reason: str | None = None
    actor: str = "engine"
    payment_id: str | None = None


class SplitRow(RecordedRow, table=True):
    """Where the money of a transaction went. The highest version is true now."""

    __tablename__ = "caas_transaction_split"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "transaction_id"], ["caas_loan_transaction.tenant_id", "caas_loan_transaction.id"]
        ),
        Index("caas_transaction_split_loan", "tenant_id", "loan_id"),
    )

    transaction_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    loan_id: str
    principal_minor: int = minor(default=0)
    interest_minor: int = minor(default=0)
    fee_minor: int = minor(default=0)
    penalty_minor: int = minor(default=0)
    overpaid_minor: int = minor(default=0)
