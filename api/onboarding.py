"""A provider's registration: what is checked of it, the row it becomes and the keys it is given."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from os import urandom

from fastapi import Request

from activities.destinations import ForbiddenDestination, check_destination
from activities.signing import new_secret
from api.idempotency import key_of
from api.keys import ENTROPY_BYTES, api_key, hash_of, key_prefix
from api.schemas.providers import CredentialsOut, LicenseIn, ProviderIn, TechnicalRequirementsIn
from api.security import presented_key
from models.company_numbers import check_registration_number
from models.errors import Conflict
from models.ids import derived_id
from models.licensing import check_not_expired
from models.money import minor_units
from models.records.providers import Provider
from models.records.tenants import ApiKey


class AlreadyRegistered(Conflict):
    """A provider with this registration number is known."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a provider proves itself with: a key for its calls, a secret for its signatures."""

    provider_id: str
    key: str
    webhook_secret: str

    @property
    def shown(self) -> CredentialsOut:
        """The only time they are shown."""
        return CredentialsOut(provider_id=self.provider_id, api_key=self.key, webhook_secret=self.webhook_secret)


def credentials_for(request: Request, provider_id: str, *, live: bool) -> Credentials:
    """New credentials. Under an Idempotency-Key they come from the caller's own key, so that no kept answer holds them:

    whoever repeats the request with the same key is given the same credentials, and nobody else can make them.
    """
    secret = presented_key(request).encode() if key_of(request) else urandom(ENTROPY_BYTES)

    def drawn(purpose: str) -> bytes:
        return hmac.digest(secret, f"{purpose}:{provider_id}".encode(), "sha256")

    return Credentials(provider_id, api_key(drawn("api_key"), live=live), new_secret(drawn("webhook_secret")))


def check_licenses(expiries: Iterable[date], *, today: date) -> None:
    """Every license must be good today."""
    for index, expiry in enumerate(expiries):
        check_not_expired(expiry, today=today, field=f"licenses[{index}].expiryDate")


def check_registration(body: ProviderIn, *, today: date, allow_local: bool) -> None:
    """What the shape of the body does not say: the number is one, the licenses are good, we may post to the URLs."""
    registration = body.business_registration
    check_registration_number(registration.registration_number, registration.registration_country)
    check_licenses((each.expiry_date for each in body.licenses), today=today)
    check_urls(body.technical_requirements, allow_local=allow_local)


def check_urls(technical: TechnicalRequirementsIn, *, allow_local: bool) -> None:
    """We will post to these, so they may not lead into our own network."""
    endpoints = technical.api_endpoints
    for url, path in (
        (technical.webhook_url, "webhookUrl"),
        (endpoints.base_url if endpoints else None, "apiEndpoints.baseUrl"),
    ):
        try:
            if url is not None:
                check_destination(url, allow_local=allow_local)
        except ForbiddenDestination as refusal:
            raise ForbiddenDestination(refusal.detail, f"technicalRequirements.{path}") from None


def key_row(tenant_id: str, credentials: Credentials, *, live: bool) -> ApiKey:
    """What is kept of the provider's key."""
    return ApiKey(
        tenant_id=tenant_id,
        id=derived_id("key", tenant_id, credentials.provider_id),
        provider_id=credentials.provider_id,
        key_hash=hash_of(credentials.key),
        prefix=key_prefix(live=live),
        last_four=credentials.key[-4:],
    )


def provider_row(tenant_id: str, body: ProviderIn, credentials: Credentials) -> Provider:
    """The provider as it registered itself; it lends once it is activated."""
    registration, capacity, technical = body.business_registration, body.credit_capacity, body.technical_requirements
    currency = capacity.supported_currencies[0]
    endpoints = technical.api_endpoints
    return Provider(
        tenant_id=tenant_id,
        id=credentials.provider_id,
        company_name=body.company_name,
        business_email=body.business_email,
        contact_person=body.contact_person,
        registration_number=registration.registration_number,
        business_type=registration.business_type,
        registration_country=registration.registration_country,
        licenses=[_shown(license_) for license_ in body.licenses],
        license_expires_on=min(license_.expiry_date for license_ in body.licenses),
        minimum_amount_minor=minor_units(
            capacity.minimum_loan_amount, currency, field="creditCapacity.minimumLoanAmount"
        ),
        maximum_amount_minor=minor_units(
            capacity.maximum_loan_amount, currency, field="creditCapacity.maximumLoanAmount"
        ),
        amount_currency=currency,
        exposure_limit_minor=None
        if capacity.exposure_limit is None
        else minor_units(capacity.exposure_limit, currency, field="creditCapacity.exposureLimit"),
        daily_lead_cap=capacity.daily_lead_cap,
        rate_minimum_percent=capacity.interest_rate_range.minimum,
        rate_maximum_percent=capacity.interest_rate_range.maximum,
        countries=capacity.geographic_coverage,
        currencies=capacity.supported_currencies,
        webhook_url=technical.webhook_url,
        webhook_secret=credentials.webhook_secret,
        api_endpoints=endpoints.model_dump(mode="json", by_alias=True, exclude_none=True) if endpoints else {},
        auth_method=technical.auth_method,
    )


def _shown(license_: LicenseIn) -> dict[str, str]:
    return license_.model_dump(mode="json", by_alias=True)
