"""A credit provider on its way in, in the owner's shape."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, ValidationInfo, field_validator

from api.schemas.values import (
    Amount,
    AmountOrNothing,
    Country,
    Currency,
    Day,
    Email,
    In,
    Line,
    Number,
    Out,
    RatePercent,
    Url,
)
from models.onboarding import Step, StepState

Countries = Annotated[list[Country], Field(min_length=1, max_length=250)]
Currencies = Annotated[list[Currency], Field(min_length=1, max_length=200)]


class BusinessRegistrationIn(In):
    registration_number: Line
    business_type: Line
    registration_country: Country


class LicenseIn(In):
    license_type: Line
    license_number: Line
    issuing_authority: Line
    expiry_date: Day


class RateRangeIn(In):
    minimum: RatePercent
    maximum: RatePercent

    @field_validator("maximum")
    @classmethod
    def _is_a_range(cls, maximum: RatePercent, info: ValidationInfo) -> RatePercent:
        if maximum < info.data.get("minimum", maximum):
            raise ValueError("The maximum rate is less than the minimum")
        return maximum


class CreditCapacityIn(In):
    """Amounts are in the first of the supported currencies. What is not limited here, we do not limit."""

    minimum_loan_amount: AmountOrNothing
    maximum_loan_amount: Amount
    interest_rate_range: RateRangeIn
    geographic_coverage: Countries
    supported_currencies: Currencies
    exposure_limit: Amount | None = None
    daily_lead_cap: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None

    @field_validator("maximum_loan_amount")
    @classmethod
    def _is_a_range(cls, maximum: Amount, info: ValidationInfo) -> Amount:
        if maximum < info.data.get("minimum_loan_amount", maximum):
            raise ValueError("The maximum loan amount is less than the minimum")
        return maximum

    @field_validator("exposure_limit")
    @classmethod
    def _covers_a_loan(cls, limit: Amount | None, info: ValidationInfo) -> Amount | None:
        if limit is not None and limit < info.data.get("maximum_loan_amount", limit):
            raise ValueError("The exposure limit does not cover one of the largest loans")
        return limit


class ApiEndpointsIn(In):
    base_url: Url
    loan_application_endpoint: Line | None = None
    status_endpoint: Line | None = None


class TechnicalRequirementsIn(In):
    webhook_url: Url
    api_endpoints: ApiEndpointsIn | None = None
    auth_method: Literal["bearer_token"] = "bearer_token"


class ProviderIn(In):
    company_name: Line
    business_email: Email
    contact_person: Line
    business_registration: BusinessRegistrationIn
    licenses: Annotated[list[LicenseIn], Field(min_length=1, max_length=50)]
    credit_capacity: CreditCapacityIn
    technical_requirements: TechnicalRequirementsIn


class ReasonIn(In):
    """Why it is done; it stays in the provider's history."""

    reason: Line


class WaiverIn(In):
    step: Step
    reason: Line


class ApprovalIn(ReasonIn):
    """`waive` names the steps that the operator does without."""

    waive: Annotated[list[WaiverIn], Field(default_factory=list, max_length=len(Step))]


class RecheckIn(ReasonIn):
    """The corrections are taken while the provider is in review; a new endpoint needs none."""

    company_name: Line | None = None
    registration_number: Line | None = None


class RenewalIn(ReasonIn):
    """All licenses as they are now."""

    licenses: Annotated[list[LicenseIn], Field(min_length=1, max_length=50)]


class RotationIn(In):
    """The keys there were stay good for so many hours more."""

    overlap_hours: Annotated[StrictInt, Field(ge=0, le=168)] = 24
    reason: Line = "rotation"


class CredentialsOut(Out):
    """Shown once: of the API key only a hash is kept."""

    provider_id: str
    api_key: str
    webhook_secret: str


class OnboardingStepOut(Out):
    step: str
    done: bool


class RegisteredOut(Out):
    success: bool = True
    provider_id: str
    status: str
    api_credentials: CredentialsOut
    onboarding: list[OnboardingStepOut]


class ProviderOut(Out):
    provider_id: str
    company_name: str
    status: str
    business_type: str
    registration_country: str
    license_expires_on: date
    minimum_loan_amount: Number
    maximum_loan_amount: Number
    currency: str
    interest_rate_minimum: Number
    interest_rate_maximum: Number
    geographic_coverage: list[str]
    supported_currencies: list[str]
    webhook_url: str


class StepOut(Out):
    step: Step
    state: StepState
    reason: str | None
    at: datetime | None


class DeedOut(Out):
    at: datetime
    actor: str
    action: str
    status: str
    reason: str
    data: dict[str, Any]


class ProviderDetailOut(ProviderOut):
    """`history` is for the platform's own key, newest first."""

    success: bool = True
    status_at: datetime | None
    status_reason: str | None
    exposure_limit: Number | None
    daily_lead_cap: int | None
    checklist: list[StepOut]
    missing: list[Step]
    history: list[DeedOut] | None = None


class StandingOut(Out):
    """Where the provider stands now, and what is missing for its approval."""

    success: bool = True
    provider_id: str
    status: str
    missing: list[Step]


class ActivatedOut(Out):
    success: bool = True
    provider_id: str
    status: str


class KeyOut(Out):
    """What is known of a key; the key itself is not."""

    key_id: str
    prefix: str
    last_four: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeysOut(Out):
    success: bool = True
    keys: list[KeyOut]


class RotatedOut(Out):
    """The new key, shown once."""

    success: bool = True
    provider_id: str
    key_id: str
    api_key: str
    previous_keys_valid_until: datetime | None


class RevokedOut(Out):
    success: bool = True
    key_id: str
    revoked_at: datetime
