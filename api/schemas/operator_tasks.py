"""Tasks for operators, as they read and resolve them."""

from datetime import datetime
from typing import Any

from api.schemas.values import In, Out, Paragraph


class TaskOut(Out):
    """A task; `details` are its kind's own."""

    task_id: str
    kind: str
    loan_id: str | None
    application_id: str | None
    summary: str
    details: dict[str, Any]
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class TaskDetailOut(TaskOut):
    """A task by itself."""

    success: bool = True


class ResolutionIn(In):
    """What was done about it."""

    resolution: Paragraph
