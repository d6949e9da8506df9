"""Credit providers: who they are, what they lend and where they are told about leads."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint
from sqlmodel import Field

from models.onboarding import ProviderStatus
from models.records.columns import RecordedRow, document, instant, minor, rate, word


class Provider(RecordedRow, table=True):
    """A lender that one tenant works with. What it did with its leads is in the lead grants."""

    __tablename__ = "caas_provider"
    __table_args__ = (UniqueConstraint("tenant_id", "registration_number", name="caas_provider_registration"),)

    id: str = Field(primary_key=True)
    company_name: str
    business_email: str
    contact_person: str
    registration_number: str
    business_type: str
    registration_country: str
    status: ProviderStatus = word(default=ProviderStatus.PENDING)
    status_at: datetime | None = instant(default=None)
    status_reason: str | None = None
    checklist: dict[str, Any] = document(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    licenses: list[dict[str, Any]] = document()
    license_expires_on: date
    minimum_amount_minor: int = minor()
    maximum_amount_minor: int = minor()
    amount_currency: str
    exposure_limit_minor: int | None = minor(default=None)
    daily_lead_cap: int | None = None
    rate_minimum_percent: Decimal = rate()
    rate_maximum_percent: Decimal = rate()
    countries: list[str] = document()
    currencies: list[str] = document()
    webhook_url: str
    webhook_secret: str
    api_endpoints: dict[str, Any] = document(default_factory=dict)
    auth_method: str = "bearer_token"


class ProviderHistory(RecordedRow, table=True):
    """What was done to a provider, by whom and why. Append-only; an order that comes twice is here once."""

    __tablename__ = "caas_provider_history"
    __table_args__ = (Index("caas_provider_history_of", "tenant_id", "provider_id", "sequence"),)

    id: str = Field(primary_key=True)
    sequence: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_args=[Identity(always=True)]
    )
    provider_id: str
    at: datetime = instant()
    actor: str
    action: str
    status: ProviderStatus = word()
    reason: str
    data: dict[str, Any] = document(default_factory=dict)
