"""Closing the bidding window: the bids become ranked offers, or the application ends without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move
from activities.notices import offers_notice
from activities.provider_news import LeadClosed, tell_lead_closed
from activities.standing import OffersMade, offers_made
from models.application import ApplicationRef, ApplicationStatus
from models.bidding import Bid
from models.decision import FINAL
from models.events import Event, EventType
from models.ids import derived_id
from models.money import major_units
from models.offer import OfferStatus
from models.product import LoanProduct
from models.ranking import RankedOffer, placed, priced
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from models.records.offers import Offer
from models.records.outbox import Channel, deliver, emit
from models.records.products import product_of

_S = ApplicationStatus
_OFFER_DAYS = 7
_WHY_OUT = {
    OfferStatus.SUPERSEDED: "Replaced by a later bid of the same provider.",
    OfferStatus.WITHDRAWN: "Taken back by the provider before the window closed.",
    OfferStatus.EXPIRED: "Its validity had ended when the window closed.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One provider's last word, which decision it was, and when it first answered."""

    provider_id: str
    answer: str
    at: datetime
    decision_id: str = ""


@dataclass(frozen=True, slots=True)
class ClosedAuction:
    """The window has closed with these bids and answers, and after these had been replaced or taken back."""

    ref: ApplicationRef
    at: datetime
    bids: tuple[Bid, ...]
    answers: tuple[Answer, ...]
    replaced: tuple[Bid, ...] = ()
    withdrawn: tuple[Bid, ...] = ()


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
                await _Closing(session, application, auction).run()
            return await offers_made(session, application)


@dataclass(frozen=True, slots=True)
class _Closing:
    """One window's close, in one transaction."""

    session: AsyncSession
    application: Application
    auction: ClosedAuction

    async def run(self) -> None:
        grants = {g.provider_id: g for g in await _grants(self.session, self.application)}
        decisions = await _decisions(self.session, self._decision_ids())
        self._record_answers(grants, decisions)
        product = await product_of(self.session, self.application)
        standing = self._offers(grants, decisions, product)
        if not standing:
            move(self.session, self.application, _S.NO_OFFERS, at=self.auction.at, reason="no provider made an offer")
            return
        self.application.offers_expire_at = max(offer.expires_at for offer in standing)
        best = standing[0].reason
        move(self.session, self.application, _S.OFFERED, at=self.auction.at, offers=len(standing), best=best)
        ranking = [{"offerId": o.id, "providerId": o.provider_id, "apr": float(o.apr_percent)} for o in standing]
        event = Event(EventType.OFFERS_RANKED, self.application.id, self.auction.at, data={"offers": ranking})
        emit(self.session, self.application.tenant_id, event, key="offers")
        await _tell_borrower(self.session, self.application, standing)

    def _decision_ids(self) -> list[str]:
        auction = self.auction
        bids = (*auction.bids, *auction.replaced, *auction.withdrawn)
        return [bid.decision_id for bid in bids] + [answer.decision_id for answer in auction.answers]

    def _record_answers(self, grants: Mapping[str, LeadGrant], decisions: Mapping[str, Decision]) -> None:
        for answer in self.auction.answers:
            grant = grants[answer.provider_id]
            grant.answer = answer.answer
            grant.answered_at = answer.at if answer.answer in FINAL else None
            if decision := decisions.get(answer.decision_id):
                grant.reason_code = decision.body.get("reasonCode")
        for grant in grants.values():
            if grant.answered_at is None:
                lead = LeadClosed(self.application.id, self.application.lead_id, "window_closed", self.auction.at)
                tell_lead_closed(self.session, self.application.tenant_id, grant.provider_id, lead)

    def _offers(
        self, grants: Mapping[str, LeadGrant], decisions: Mapping[str, Decision], product: LoanProduct
    ) -> list[Offer]:
        """Every bid as an offer; those that stand are returned, best first."""
        auction, on = self.auction, self.auction.at.date()
        alive = [bid for bid in auction.bids if bid.expires_at is None or bid.expires_at > auction.at]
        out = {
            OfferStatus.EXPIRED: [bid for bid in auction.bids if bid not in alive],
            OfferStatus.SUPERSEDED: auction.replaced,
            OfferStatus.WITHDRAWN: auction.withdrawn,
        }
        # Equals are drawn by lot anew for every application, and nobody can choose the lot.
        ranked = placed(filter(None, (priced(bid, on, product) for bid in alive)), lot=self.application.id)
        standing = [self._offer(offer, grants, decisions) for offer in ranked]
        self.session.add_all(standing)
        for status, bids in out.items():
            for offer in filter(None, (priced(bid, on, product) for bid in bids)):
                row = self._offer(offer, grants, decisions)
                row.status, row.rank, row.reason, row.settled_at = status, None, _WHY_OUT[status], auction.at
                self.session.add(row)
        return standing

    def _offer(self, ranked: RankedOffer, grants: Mapping[str, LeadGrant], decisions: Mapping[str, Decision]) -> Offer:
        bid, application = ranked.bid, self.application
        decision = decisions.get(bid.decision_id)
        body = decision.body if decision else {}
        return Offer(
            tenant_id=application.tenant_id,
            id=derived_id("offer", application.id, bid.provider_id, bid.decision_id),
            application_id=application.id,
            provider_id=bid.provider_id,
            provider_name=grants[bid.provider_id].provider_name,
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
            net_disbursed_minor=ranked.net_disbursed_minor,
            total_repayable_minor=ranked.total_repayable_minor,
            funding_hours=bid.funding_hours,
            is_counter=(bid.amount_minor, bid.tenure_days)
            != (application.requested_amount_minor, application.tenure_days),
            rank=ranked.rank,
            reason=ranked.reason,
            conditions=list(body.get("conditions") or []),
            custom_data=dict(body.get("customData") or {}),
            received_at=bid.received_at,
            expires_at=bid.expires_at or self.auction.at + timedelta(days=_OFFER_DAYS),
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
