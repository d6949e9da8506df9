"""Closing the bidding window: the bids become ranked offers, or the application ends without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move, offers_of
from activities.notices import offers_notice
from models.application import ApplicationRef, ApplicationStatus
from models.bidding import Bid, RankedOffer, rank
from models.events import Event, EventType
from models.ids import derived_id
from models.money import major_units
from models.offer import StandingOffer
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from models.records.offers import Offer
from models.records.outbox import Channel, deliver, emit
from models.records.products import product_of

_S = ApplicationStatus
_OFFER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Answer:
    """What one provider said, and when."""

    provider_id: str
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClosedAuction:
    """The window has closed with these bids and answers."""

    ref: ApplicationRef
    at: datetime
    bids: tuple[Bid, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class OffersMade:
    """Where closing the window left the application, with what the borrower may accept, best first."""

    status: ApplicationStatus
    offers: tuple[StandingOffer, ...] = ()


class Auctions:
    """Writes what becomes of an auction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Auctions.close")
    async def close(self, auction: ClosedAuction) -> OffersMade:
        """Rank the bids by APR, store them as offers and tell the borrower; without a bid the application ends."""
        async with self._database.transaction(auction.ref.tenant_id) as session:
            application = await locked(session, auction.ref)
            if application.status == _S.BIDDING:
                await self._close(session, application, auction)
            return await _made(session, application)

    async def _close(self, session: AsyncSession, application: Application, auction: ClosedAuction) -> None:
        grants = {g.provider_id: g for g in await _grants(session, application)}
        for answer in auction.answers:
            grants[answer.provider_id].answer = answer.answer
            grants[answer.provider_id].answered_at = answer.at
        product = await product_of(session, application)
        ranked = rank(auction.bids, on=auction.at.date(), product=product)
        if not ranked:
            move(session, application, _S.NO_OFFERS, at=auction.at, reason="no provider made an offer")
            return
        decisions = await _decisions(session, [bid.decision_id for bid in auction.bids])
        standing = [
            _offer(application, offer, grants[offer.bid.provider_id], decisions.get(offer.bid.decision_id), auction.at)
            for offer in ranked
        ]
        session.add_all(standing)
        application.offers_expire_at = max(offer.expires_at for offer in standing)
        move(session, application, _S.OFFERED, at=auction.at, offers=len(standing), best=standing[0].reason)
        ranking = [{"offerId": o.id, "providerId": o.provider_id, "apr": float(o.apr_percent)} for o in standing]
        event = Event(EventType.OFFERS_RANKED, application.id, auction.at, data={"offers": ranking})
        emit(session, application.tenant_id, event, key="offers")
        await _tell_borrower(session, application, standing)


def _offer(
    application: Application, ranked: RankedOffer, grant: LeadGrant, decision: Decision | None, closed_at: datetime
) -> Offer:
    bid = ranked.bid
    body = decision.body if decision else {}
    return Offer(
        tenant_id=application.tenant_id,
        id=derived_id("offer", application.id, bid.provider_id, bid.decision_id),
        application_id=application.id,
        provider_id=bid.provider_id,
        provider_name=grant.provider_name,
        decision_id=bid.decision_id,
        amount_minor=bid.amount_minor,
        currency=bid.currency,
        annual_rate_percent=bid.annual_rate_percent,
        tenure_days=bid.tenure_days,
        processing_fee_minor=bid.processing_fee_minor,
        installments=ranked.installments,
        installment_minor=ranked.installment_minor,
        apr_percent=ranked.apr_percent,
        apr_method=ranked.apr_method,
        finance_charge_minor=ranked.finance_charge_minor,
        total_repayable_minor=ranked.total_repayable_minor,
        rank=ranked.rank,
        reason=ranked.reason,
        conditions=list(body.get("conditions") or []),
        custom_data=dict(body.get("customData") or {}),
        received_at=bid.received_at,
        expires_at=bid.expires_at or closed_at + timedelta(days=_OFFER_DAYS),
    )


async def _made(session: AsyncSession, application: Application) -> OffersMade:
    offers = await offers_of(session, application)
    return OffersMade(
        ApplicationStatus(application.status),
        tuple(StandingOffer(offer.id, offer.provider_id, offer.expires_at) for offer in offers),
    )


async def _grants(session: AsyncSession, application: Application) -> Sequence[LeadGrant]:
    found = await session.execute(select(LeadGrant).where(col(LeadGrant.application_id) == application.id))
    return found.scalars().all()


async def _decisions(session: AsyncSession, ids: Sequence[str]) -> dict[str, Decision]:
    found = await session.execute(select(Decision).where(col(Decision.id).in_(ids)))
    return {decision.id: decision for decision in found.scalars()}


async def _tell_borrower(session: AsyncSession, application: Application, offers: Sequence[Offer]) -> None:
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    subject, text = offers_notice(
        applicant.first_name,
        [(o.provider_name, major_units(o.amount_minor, o.currency), o.currency, o.apr_percent) for o in offers],
    )
    key = f"offers:{application.id}"
    deliver(session, application.tenant_id, Channel.MAIL, applicant.email, subject, text, key=key)
