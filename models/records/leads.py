"""Which provider may see which lead, and what it answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant


class LeadGrant(RecordedRow, table=True):
    """The invitation of one provider to bid for one application; without it the lead does not exist for him."""

    __tablename__ = "caas_lead_grant"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        Index("caas_lead_grant_lead", "tenant_id", "lead_id"),
        Index("caas_lead_grant_record", "tenant_id", "granted_at"),
        Index(
            "caas_lead_grant_provider",
            "tenant_id",
            "provider_id",
            "granted_at",
            "application_id",
            postgresql_include=["answer", "answered_at"],
        ),
    )

    application_id: str = Field(primary_key=True)
    provider_id: str = Field(primary_key=True)
    lead_id: str
    provider_name: str
    score: int
    expected_response_hours: float
    reasons: list[str] = document()
    granted_at: datetime = instant()
    answer: str | None = None
    answered_at: datetime | None = instant(default=None)
    reason_code: str | None = None


class Decision(RecordedRow, table=True):
    """A provider's decision as it came in, kept before the workflow is asked to judge it."""

    __tablename__ = "caas_decision"
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider_id", "lead_id", "message_id", name="caas_decision_message"),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    lead_id: str
    message_id: str
    body: dict[str, Any] = document()
    refused_because: str | None = None
