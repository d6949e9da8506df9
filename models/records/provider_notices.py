"""What providers tell us: that a lead has arrived, money has moved, and how a lead or a loan stands in their books."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant, minor, word


class NoticeKind(StrEnum):
    """What a notice is about."""

    DISBURSED = "disbursed"
    REPAYMENT = "repayment"


class SubjectKind(StrEnum):
    """What a provider keeps in step with us."""

    LEAD = "lead"
    LOAN = "loan"


class LeadReceipt(RecordedRow, table=True):
    """The provider has the lead in its own system."""

    __tablename__ = "caas_lead_receipt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "application_id", "provider_id"],
            ["caas_lead_grant.tenant_id", "caas_lead_grant.application_id", "caas_lead_grant.provider_id"],
        ),
    )

    application_id: str = Field(primary_key=True)
    provider_id: str = Field(primary_key=True)
    received_at: datetime = instant()


class ProviderNotice(RecordedRow, table=True):
    """One notice of a provider, as it came; its own reference makes it one however often it is sent."""

    __tablename__ = "caas_provider_notice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider_id", "external_reference", name="caas_provider_notice_reference"),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    kind: NoticeKind = word()
    external_reference: str
    application_id: str
    loan_id: str | None = None
    payment_id: str | None = None
    amount_minor: int = minor()
    currency: str
    moved_on: date | None = None
    differences: list[dict[str, Any]] = document(default_factory=list)
    body: dict[str, Any] = document()


class ProviderStatus(RecordedRow, table=True):
    """How a lead or a loan is called and how it stands at the provider, in its own words."""

    __tablename__ = "caas_provider_status"

    provider_id: str = Field(primary_key=True)
    kind: SubjectKind = word(primary_key=True)
    subject_id: str = Field(primary_key=True)
    version: int
    internal_id: str | None = None
    internal_status: str
    details: dict[str, Any] = document(default_factory=dict)
    updated_at: datetime = instant()


class LoanRating(RecordedRow, table=True):
    """What the borrower thinks of the lender of one loan, from 1 to 5; asked once."""

    __tablename__ = "caas_loan_rating"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "loan_id"], ["caas_loan.tenant_id", "caas_loan.id"]),)

    loan_id: str = Field(primary_key=True)
    score: int
    rated_at: datetime = instant()
