"""Matches as they were made, each with all it was made of; and the weights they were made by. Neither ever changes."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant


class MatchingRow(RecordedRow, table=True):
    """Who was invited to bid on one lead, who was not, and why: see `models.matching_record`."""

    __tablename__ = "caas_matching"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        Index("caas_matching_lead", "tenant_id", "lead_id"),
    )

    application_id: str = Field(primary_key=True)
    lead_id: str
    matched_at: datetime = instant()
    matched_on: date
    weights_version: int
    weights: dict[str, Any] = document()
    lead: dict[str, Any] = document()
    candidates: list[dict[str, Any]] = document()
    result: dict[str, Any] = document()
    explored: str | None = None


class MatchingWeightsRow(RecordedRow, table=True):
    """A tenant's own version of the weights; the newest is in force."""

    __tablename__ = "caas_matching_weights"

    version: int = Field(primary_key=True)
    weights: dict[str, Any] = document()
    operator: str | None = None
    reason: str
    key_id: str
