"""Credit providers: who they are, what they lend and where they are told about leads."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, document, minor, rate


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
    status: str = "pending"
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
