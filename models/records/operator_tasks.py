"""What a person has to look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant


class OperatorTask(RecordedRow, table=True):
    """A task for an operator. The id is derived from its cause, so the same cause makes one task."""

    __tablename__ = "caas_operator_task"
    __table_args__ = (
        Index("caas_operator_task_open", "tenant_id", "opened_at", postgresql_where=text("resolved_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    kind: str
    loan_id: str | None = None
    application_id: str | None = None
    summary: str
    details: dict[str, Any] = document()
    opened_at: datetime = instant()
    resolved_at: datetime | None = instant(default=None)
    resolved_by: str | None = None
    resolution: str | None = None
