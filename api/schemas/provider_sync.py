"""Two books kept in step: what we have told a provider, and how it calls what we sent it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from api.schemas.values import Custom, Identifier, In, Line, Out
from models.quota import REQUESTS_PER_MINUTE
from models.records.provider_notices import SubjectKind

_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[ -~]+$")]


class ChangesOut(Out):
    """What we told this provider, as its webhooks carry it, oldest first."""

    success: bool = True
    data: list[dict[str, Any]]
    next_cursor: str = Field(description="Where to go on, now or later; there is always one.")
    has_more: bool


class ProviderStatusIn(In):
    """One of `leadId` and `loanId` says what it is about."""

    lead_id: Identifier | None = None
    loan_id: Identifier | None = None
    internal_id: Line | None = None
    internal_status: _Word
    details: Custom = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_subject(self) -> "ProviderStatusIn":
        if (self.lead_id is None) == (self.loan_id is None):
            raise ValueError("Name the lead or the loan, one of the two.")
        return self


class ProviderStatusRowOut(Out):
    kind: SubjectKind
    lead_id: str | None
    loan_id: str | None
    internal_id: str | None
    internal_status: str
    details: dict[str, Any]
    version: int
    updated_at: datetime


class ProviderStatusOut(ProviderStatusRowOut):
    success: bool = True


class RateLimitIn(In):
    requests_per_minute: Annotated[
        int, Field(strict=True, ge=REQUESTS_PER_MINUTE[0], le=REQUESTS_PER_MINUTE[-1], examples=[600])
    ]


class RateLimitOut(Out):
    success: bool = True
    provider_id: str
    requests_per_minute: int
    version: int = Field(description="0 while the platform's standard holds.")
