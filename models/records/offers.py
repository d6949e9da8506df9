"""Offers as the borrower sees them: ranked, with the true cost."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field

from models.offer import OfferStatus
from models.records.columns import RecordedRow, document, instant, minor, rate, word


class Offer(RecordedRow, table=True):
    """One provider's offer for one application. At most one of an application is ever accepted."""

    __tablename__ = "caas_offer"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        Index("caas_offer_application", "tenant_id", "application_id", "rank"),
        Index("caas_offer_provider", "tenant_id", "provider_id", "received_at"),
        Index(
            "caas_offer_chosen",
            "tenant_id",
            "provider_id",
            "application_id",
            postgresql_where=text("status IN ('accepted', 'funded', 'lapsed')"),
        ),
        Index(
            "caas_offer_one_accepted",
            "tenant_id",
            "application_id",
            unique=True,
            postgresql_where=text("status IN ('accepted', 'funded')"),
        ),
    )

    id: str = Field(primary_key=True)
    application_id: str
    provider_id: str
    provider_name: str
    decision_id: str
    status: OfferStatus = word(default=OfferStatus.SUBMITTED)
    amount_minor: int = minor()
    currency: str
    annual_rate_percent: Decimal = rate()
    tenure_days: int
    processing_fee_minor: int = minor()
    installments: int
    installment_minor: int = minor()
    apr_percent: Decimal = rate()
    apr_method: str
    finance_charge_minor: int = minor()
    total_repayable_minor: int = minor()
    net_disbursed_minor: int | None = minor(default=None)
    funding_hours: int | None = None
    is_counter: bool = False
    rank: int | None = None
    """None for a bid that no borrower may choose: replaced, taken back, expired before the close, or lapsed."""
    reason: str
    conditions: list[str] = document(default_factory=list)
    custom_data: dict[str, Any] = document(default_factory=dict)
    received_at: datetime = instant()
    expires_at: datetime = instant()
    settled_at: datetime | None = instant(default=None)
    settled_by: str | None = None
