"""Leads on their way to providers, and the decisions that come back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

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
    Line,
    Moment,
    Number,
    Out,
    Paragraph,
    RatePercent,
)
from models.application import ApplicationStatus
from models.decision import DeclineReason
from models.records.disclosures import DisclosureReason


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
    decision: Literal["approved", "counter_offer", "declined", "rejected", "need_information", "withdrawn"]
    approved_amount: Amount | None = None
    interest_rate: RatePercent | None = None
    tenure: Days | None = None
    processing_fee: AmountOrNothing | None = None
    funding_hours: Annotated[StrictInt, Field(ge=0, le=2160)] | None = Field(
        default=None, description="From the acceptance until the money is with the borrower."
    )
    currency: Currency | None = None
    conditions: Annotated[list[Paragraph], Field(default_factory=list, max_length=50)]
    reason_code: DeclineReason | None = Field(default=None, description="Why not; with a decline or a withdrawal.")
    reason: Paragraph | None = None
    information_needed: Annotated[list[Line], Field(default_factory=list, max_length=20)]
    expires_at: Moment | None = None
    custom_data: Custom = Field(default_factory=dict)


class DecidedOut(Out):
    success: bool = True
    accepted: bool
    next_steps: list[str]


class LapseIn(In):
    """The provider does not pay out what was accepted: its conditions are not met, say."""

    lead_id: Identifier
    provider_id: Identifier
    reason_code: DeclineReason = DeclineReason.CONDITIONS_UNMET
    reason: Paragraph | None = None


class LapsedOut(Out):
    success: bool = True
    lead_id: str
    status: ApplicationStatus


class InformationIn(In):
    answer: Annotated[Custom, Field(min_length=1)]


class InformationOut(Out):
    """What a provider wants to know; the answer is shown to nobody but that provider."""

    information_id: str
    provider_id: str
    information_needed: list[str]
    note: str | None
    asked_at: datetime
    answered_at: datetime | None


class InformationListOut(Out):
    success: bool = True
    lead_id: str
    data: list[InformationOut]


class InformedOut(Out):
    success: bool = True
    information_id: str
    provided: bool


class DisclosureOut(Out):
    """One release of personal data: to whom, what, why and when; `reference` is the offer, question or lead."""

    disclosure_id: str
    provider_id: str
    what: list[str]
    why: DisclosureReason
    reference: str
    disclosed_at: datetime


class DisclosuresOut(Out):
    success: bool = True
    lead_id: str
    data: list[DisclosureOut]


class MatchingOut(Out):
    """A match with everything it was made of; `replays` says that it comes out the same when it is made again."""

    success: bool = True
    lead_id: str
    application_id: str
    matched_at: datetime
    matched_on: date
    weights_version: int
    weights: dict[str, Any]
    lead: dict[str, Any]
    candidates: list[dict[str, Any]]
    result: dict[str, Any]
    explored: str | None
    replays: bool
