"""Applications and the people who make them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.application import ApplicationStatus
from models.records.columns import RecordedRow, document, instant, minor, rate, word


class Applicant(RecordedRow, table=True):
    """The personal data of a borrower; the only table, beside messages to people, that holds any."""

    __tablename__ = "caas_applicant"

    id: str = Field(primary_key=True)
    user_id: str | None = None
    first_name: str
    last_name: str
    birth_date: date | None = None
    email: str
    phone_number: str
    address: dict[str, Any] = document()
    employment: dict[str, Any] = document()
    finances: dict[str, Any] = document()
    identity_type: str
    identity_number: str


class VerifiedUser(RecordedRow, table=True):
    """A user whose identity the platform has verified itself and told us so."""

    __tablename__ = "caas_verified_user"

    user_id: str = Field(primary_key=True)
    verified_at: datetime = instant()
    source_event_id: str


class Application(RecordedRow, table=True):
    """One request for credit and how far it has come."""

    __tablename__ = "caas_application"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "applicant_id"], ["caas_applicant.tenant_id", "caas_applicant.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "product_id", "product_version"],
            ["caas_loan_product.tenant_id", "caas_loan_product.id", "caas_loan_product.version"],
            name="caas_application_product_version",
        ),
        UniqueConstraint("tenant_id", "lead_id", name="caas_application_lead"),
        Index("caas_application_status", "tenant_id", "status", "id"),
    )

    id: str = Field(primary_key=True)
    lead_id: str
    applicant_id: str
    status: ApplicationStatus = word(default=ApplicationStatus.SUBMITTED)
    status_reason: str | None = None
    requested_amount_minor: int = minor()
    currency: str
    country: str
    purpose: str
    tenure_days: int
    bidding_window_hours: int | None = None
    product_id: str | None = None
    product_version: int | None = None
    submitted_at: datetime = instant()
    status_at: datetime = instant()
    beneficiary_account_number: str | None = None
    beneficiary_bank_code: str | None = None
    wallet_address: str | None = None
    """From which collateral comes, for a loan that asks for some."""
    identity_verified: bool | None = None
    identity_reference: str | None = None
    screening_list_version: str | None = None
    pre_assessed: bool = False
    credit_score: int | None = None
    risk_rating: str | None = None
    recommended_amount_minor: int | None = minor(default=None)
    recommended_tenure_days: int | None = None
    recommended_rate_percent: Decimal | None = rate(default=None)
    debt_to_income_ratio: Decimal | None = rate(default=None)
    reason_codes: list[str] = document(default_factory=list)
    bids_close_at: datetime | None = instant(default=None)
    offers_expire_at: datetime | None = instant(default=None)
    cooling_off_until: datetime | None = instant(default=None)
    loan_id: str | None = None
    lapses: int = 0
