"""Leads on their way to providers, and the decisions that come back."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from api.schemas.applicants import ApplicantIn, IdentityIn
from api.schemas.applications import DisbursementAccountIn, LoanApplicationIn
from api.schemas.values import (
    Amount,
    AmountOrNothing,
    Currency,
    Custom,
    Days,
    Identifier,
    In,
    Moment,
    Number,
    Out,
    Paragraph,
    RatePercent,
)
from models.application import ApplicationStatus


class RecommendationsIn(In):
    recommended_amount: Amount
    recommended_tenure: Days
    recommended_interest_rate: RatePercent


class CreditAssessmentIn(In):
    credit_score: Annotated[StrictInt, Field(ge=300, le=850)]
    risk_rating: Literal["low", "medium", "high"]
    debt_to_income_ratio: RatePercent
    recommendations: RecommendationsIn


class LeadIn(In):
    lead_id: Identifier
    applicant: ApplicantIn
    loan_application: LoanApplicationIn
    credit_assessment: CreditAssessmentIn
    user_id: Identifier | None = None
    identity: IdentityIn | None = None
    disbursement_account: DisbursementAccountIn | None = None
    product_id: Identifier | None = Field(default=None, description="The loan product asked for.")


class NotifiedOut(Out):
    provider_id: str
    provider_name: str
    score: int
    expected_response_time: Number


class DistributedOut(Out):
    success: bool = True
    distribution_id: str
    providers_notified: int
    estimated_response_time: Number | None = Field(description="In hours: the mean of what the providers take.")
    distribution: list[NotifiedOut]
    application_id: str
    status: ApplicationStatus
    reason: str | None


class DecisionIn(In):
    lead_id: Identifier
    provider_id: Identifier
    decision: Literal["approved", "declined", "rejected"]
    approved_amount: Amount | None = None
    interest_rate: RatePercent | None = None
    tenure: Days | None = None
    processing_fee: AmountOrNothing | None = None
    currency: Currency | None = None
    conditions: Annotated[list[Paragraph], Field(default_factory=list, max_length=50)]
    reason: Paragraph | None = None
    expires_at: Moment | None = None
    custom_data: Custom = Field(default_factory=dict)


class DecidedOut(Out):
    success: bool = True
    accepted: bool
    next_steps: list[str]
