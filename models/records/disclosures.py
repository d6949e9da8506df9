"""To whom personal data of a borrower was released."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant, word


class DisclosureReason(StrEnum):
    """Why somebody may know who the borrower is."""

    OFFER_ACCEPTED = "offer_accepted"
    FULL_LEAD = "full_lead"  # the tenant has the borrower's consent on file, and discloses every lead in full
    INFORMATION_PROVIDED = "information_provided"
    LEAD_READ = "lead_read"  # by the API, by the provider that may: one row a reading


class DisclosureRow(RecordedRow, table=True):
    """One release to one provider, written in the transaction that releases it; append-only."""

    __tablename__ = "caas_disclosure"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        Index("caas_disclosure_lead", "tenant_id", "lead_id"),
    )

    id: str = Field(primary_key=True)
    application_id: str
    lead_id: str
    provider_id: str
    what: list[str] = document()
    why: DisclosureReason = word()
    reference: str
    disclosed_at: datetime = instant()
