"""Plugins over HTTP: the owner's document in, the same with its secrets covered out."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from api.schemas.values import In, Out
from models.plugin_run import RunStatus

# Read by `models.plugin`, which names the path of whatever is wrong with it.
Document = Annotated[dict[str, Any], Field(max_length=20)]


class PluginOut(Out):
    provider_id: str
    plugin_name: str
    revision: int
    enabled: bool
    changed_at: datetime
    plugin: dict[str, Any]


class PluginDetailOut(PluginOut):
    success: bool = True


class DryRunIn(In):
    lead: dict[str, Any] | None = Field(default=None, description="An event's data, in our names; a sample if none.")
    answer: dict[str, Any] | None = Field(default=None, description="What the lender would answer, in his names.")


class DryRunOut(Out):
    success: bool = True
    sends_to: str
    sent: dict[str, Any]
    missing: list[str] = Field(description="Fields that are mapped and not in the lead.")
    decision: dict[str, Any] | None = Field(description="What the answer would tell us.")
    decision_problem: str | None = Field(description="Why that would be no decision.")


class ReleasedOut(Out):
    success: bool = True
    released: int


class RunOut(Out):
    run_id: str
    plugin_name: str
    event_type: str
    lead_id: str | None
    status: RunStatus
    failures: int
    last_status_code: int | None
    last_error: str | None
    external_id: str | None
    answer: dict[str, Any] | None
    decision_outcome: str | None
    recorded_at: datetime
    finished_at: datetime | None


class RunDetailOut(RunOut):
    success: bool = True
