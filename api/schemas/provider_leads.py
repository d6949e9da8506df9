"""What a provider reads of the leads it was invited to, and that it has received them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from api.schemas.values import Number, Out

LeadStanding = Literal["open", "answered", "won", "lost", "expired"]


class ProviderLeadOut(Out):
    lead_id: str
    status: LeadStanding = Field(
        description="`open`: waits for an answer; `answered`: nobody is chosen yet; `won`: this provider lends; "
        "`lost`: answered, and no loan of this provider comes of it; `expired`: not answered in time."
    )
    granted_at: datetime
    decide_by: datetime | None
    received_at: datetime | None = Field(description="When the provider said that it has the lead.")
    requested_amount: Number
    currency: str
    purpose: str
    tenure: int
    country: str
    credit_score: int | None
    risk_rating: str | None
    loan_id: str | None = Field(description="Of a lead that was won, once the money has left.")


class ProviderLeadDetailOut(ProviderLeadOut):
    success: bool = True
    disclosure: Literal["masked", "full"] = Field(
        description="`full` for the provider whose offer was accepted, and where the tenant discloses everything."
    )
    lead: dict[str, Any] = Field(description="The lead as `lead_received` carries it.")


class LeadReceiptOut(Out):
    success: bool = True
    lead_id: str
    received_at: datetime
