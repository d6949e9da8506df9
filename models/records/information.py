"""What providers want to know before they decide, and what the platform answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant


class InformationRow(RecordedRow, table=True):
    """One question of one provider about one lead; its id is that of the decision that asked it.

    The answer is personal data and may not travel through the workflow: the API writes it here once, and the workflow
    says when it counts (`answered_at`).
    """

    __tablename__ = "caas_information"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        Index("caas_information_lead", "tenant_id", "lead_id"),
    )

    id: str = Field(primary_key=True)
    application_id: str
    lead_id: str
    provider_id: str
    needed: list[str] = document()
    note: str | None = None
    asked_at: datetime = instant()
    answer: dict[str, Any] | None = document(default=None)
    answered_at: datetime | None = instant(default=None)
