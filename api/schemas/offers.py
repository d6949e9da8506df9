"""What the borrower chooses from: the true cost first."""

from datetime import datetime

from api.schemas.values import Number, Out, money, percent
from models.allocation import InAdvance
from models.application import ApplicationStatus
from models.offer import OfferStatus
from models.product import LoanProduct
from models.records.offers import Offer


class OfferOut(Out):
    offer_id: str
    provider_id: str
    provider_name: str
    rank: int | None
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
    funding_hours: int | None
    is_counter_offer: bool
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
            net_disbursed=money(net_disbursed_minor(offer), currency),
            installments=offer.installments,
            installment=money(offer.installment_minor, currency),
            apr=percent(offer.apr_percent),
            apr_method=offer.apr_method,
            finance_charge=money(offer.finance_charge_minor, currency),
            total_repayable=money(offer.total_repayable_minor, currency),
            funding_hours=offer.funding_hours,
            is_counter_offer=offer.is_counter,
            conditions=offer.conditions,
            expires_at=offer.expires_at,
        )


class PrepaymentOut(Out):
    """Money before its time: always taken, without a fee; `effect` says what becomes of the installments."""

    allowed: bool = True
    fee: Number = 0
    effect: InAdvance
    recalculates_interest: bool


class ComparedOut(Out):
    """One offer's line in the table: what the law has borrowers compare, side by side."""

    rank: int
    offer_id: str
    provider_id: str
    provider_name: str
    apr: Number
    finance_charge: Number
    net_disbursed: Number
    total_repayable: Number
    installment: Number
    installments: int
    funding_hours: int | None
    prepayment: PrepaymentOut
    reason: str

    @classmethod
    def of(cls, offer: Offer, product: LoanProduct) -> "ComparedOut":
        """The line of an offer that has a rank."""
        assert offer.rank is not None
        currency = offer.currency
        return cls(
            rank=offer.rank,
            offer_id=offer.id,
            provider_id=offer.provider_id,
            provider_name=offer.provider_name,
            apr=percent(offer.apr_percent),
            finance_charge=money(offer.finance_charge_minor, currency),
            net_disbursed=money(net_disbursed_minor(offer), currency),
            total_repayable=money(offer.total_repayable_minor, currency),
            installment=money(offer.installment_minor, currency),
            installments=offer.installments,
            funding_hours=offer.funding_hours,
            prepayment=PrepaymentOut(
                effect=product.prepayment, recalculates_interest=product.allocation.recalculates_interest
            ),
            reason=offer.reason,
        )


class BestOfferOut(Out):
    provider_id: str
    offer_id: str
    reason: str


class OffersOut(Out):
    """Sealed while bids come in: nobody sees another's bid, and the borrower sees all of them at once."""

    success: bool = True
    application_id: str
    lead_id: str
    status: ApplicationStatus
    bidding_window: str | None
    sealed: bool
    sealed_until: datetime | None
    offers: list[OfferOut]
    comparison: list[ComparedOut]
    best_offer: BestOfferOut | None


def net_disbursed_minor(offer: Offer) -> int:
    """What the borrower gets; of an offer older than this column, less the lender's fee alone."""
    known = offer.net_disbursed_minor
    return offer.amount_minor - offer.processing_fee_minor if known is None else known
