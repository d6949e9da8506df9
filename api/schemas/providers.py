"""A credit provider on its way in, in the owner's shape."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from api.schemas.values import (
    Amount,
    AmountOrNothing,
    Country,
    Currency,
    Email,
    In,
    Line,
    Number,
    Out,
    RatePercent,
    Url,
)

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
    expiry_date: date


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
    """Amounts are in the first of the supported currencies."""

    minimum_loan_amount: AmountOrNothing
    maximum_loan_amount: Amount
    interest_rate_range: RateRangeIn
    geographic_coverage: Countries
    supported_currencies: Currencies

    @field_validator("maximum_loan_amount")
    @classmethod
    def _is_a_range(cls, maximum: Amount, info: ValidationInfo) -> Amount:
        if maximum < info.data.get("minimum_loan_amount", maximum):
            raise ValueError("The maximum loan amount is less than the minimum")
        return maximum


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


class ProviderDetailOut(ProviderOut):
    success: bool = True


class ActivatedOut(Out):
    success: bool = True
    provider_id: str
    status: str
