"""What the borrower chooses from: the true cost first."""

from datetime import datetime

from api.schemas.values import Number, Out, money, percent
from models.application import ApplicationStatus
from models.offer import OfferStatus
from models.records.offers import Offer


class OfferOut(Out):
    offer_id: str
    provider_id: str
    provider_name: str
    rank: int
    reason: str
    status: OfferStatus
    approved_amount: Number
    currency: str
    interest_rate: Number
    tenure: int
    processing_fee: Number
    net_disbursed: Number
    installments: int
    installment: Number
    apr: Number
    apr_method: str
    finance_charge: Number
    total_repayable: Number
    conditions: list[str]
    expires_at: datetime

    @classmethod
    def of(cls, offer: Offer) -> "OfferOut":
        """The row in the borrower's terms."""
        currency = offer.currency
        return cls(
            offer_id=offer.id,
            provider_id=offer.provider_id,
            provider_name=offer.provider_name,
            rank=offer.rank,
            reason=offer.reason,
            status=OfferStatus(offer.status),
            approved_amount=money(offer.amount_minor, currency),
            currency=currency,
            interest_rate=percent(offer.annual_rate_percent),
            tenure=offer.tenure_days,
            processing_fee=money(offer.processing_fee_minor, currency),
            net_disbursed=money(offer.amount_minor - offer.processing_fee_minor, currency),
            installments=offer.installments,
            installment=money(offer.installment_minor, currency),
            apr=percent(offer.apr_percent),
            apr_method=offer.apr_method,
            finance_charge=money(offer.finance_charge_minor, currency),
            total_repayable=money(offer.total_repayable_minor, currency),
            conditions=offer.conditions,
            expires_at=offer.expires_at,
        )


class OffersOut(Out):
    """Sealed while bids come in: nobody sees another's bid, and the borrower sees all of them at once."""

    success: bool = True
    application_id: str
    status: ApplicationStatus
    sealed: bool
    sealed_until: datetime | None
    offers: list[OfferOut]
