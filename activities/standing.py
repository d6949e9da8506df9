"""The offers of an application that a borrower may accept, and their places when one of them is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from activities.applications import offers_of
from models.application import ApplicationStatus
from models.bidding import Bid
from models.offer import OfferStatus, StandingOffer
from models.ranking import RankedOffer, placed
from models.records.applications import Application
from models.records.offers import Offer

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class OffersMade:
    """Where the application was left, with what the borrower may accept, best first."""

    status: ApplicationStatus
    offers: tuple[StandingOffer, ...] = ()


async def offers_made(session: AsyncSession, application: Application) -> OffersMade:
    """What the borrower may accept of an application."""
    offers = await offers_of(session, application)
    return OffersMade(
        ApplicationStatus(application.status),
        tuple(
            StandingOffer(offer.id, offer.provider_id, offer.expires_at)
            for offer in offers
            if offer.status == OfferStatus.SUBMITTED
        ),
    )


def place_again(offers: Sequence[Offer], application: Application) -> None:
    """One offer is gone: the others move up, and say why they are where they are now."""
    by_decision = {offer.decision_id: offer for offer in offers}
    for ranked in placed((_ranked(offer) for offer in offers), lot=application.id):
        row = by_decision[ranked.bid.decision_id]
        row.rank, row.reason = ranked.rank, ranked.reason


def _ranked(offer: Offer) -> RankedOffer:
    bid = Bid(
        provider_id=offer.provider_id,
        decision_id=offer.decision_id,
        amount_minor=offer.amount_minor,
        currency=offer.currency,
        annual_rate_percent=offer.annual_rate_percent,
        tenure_days=offer.tenure_days,
        processing_fee_minor=offer.processing_fee_minor,
        received_at=offer.received_at,
        expires_at=offer.expires_at,
        funding_hours=offer.funding_hours,
    )
    return RankedOffer(
        bid=bid,
        apr_percent=offer.apr_percent.quantize(_HUNDREDTH),
        apr_method=offer.apr_method,
        finance_charge_minor=offer.finance_charge_minor,
        net_disbursed_minor=offer.net_disbursed_minor or 0,
        total_repayable_minor=offer.total_repayable_minor,
        installment_minor=offer.installment_minor,
        installments=offer.installments,
        rank=0,
        reason="",
    )
