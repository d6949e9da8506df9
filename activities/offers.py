"""From bids to one accepted offer: close the window, let the borrower choose, or end without a loan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move
from activities.leads import lead_data, tell_provider
from activities.notices import offers_notice
from models.application import APPLICATION, ApplicationRef, ApplicationStatus
from models.bidding import Bid, RankedOffer, rank
from models.events import Event, EventType, ProviderEventType
from models.ids import derived_id
from models.money import major_units
from models.offer import OFFER, OfferStatus, StandingOffer
from models.payment import PaymentKind, PaymentStatus
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from models.records.offers import Offer
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment, RailAddress
from models.records.tenants import Tenant

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


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The borrower has chosen this offer, at this time; the account is where the money goes."""

    ref: ApplicationRef
    offer_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The agreement that came of it. The money may leave after `cooling_off_until`, at once if None."""

    loan_id: str
    offer_id: str
    amount_minor: int
    currency: str
    cooling_off_until: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """The application ends without a loan."""

    ref: ApplicationRef
    status: ApplicationStatus
    at: datetime
    reason: str


class Offers:
    """Writes what becomes of an application's offers."""

    def __init__(self, database: Database, rail_name: str) -> None:
        self._database = database
        self._rail_name = rail_name

    @activity.defn(name="Offers.close_bidding")
    async def close_bidding(self, auction: ClosedAuction) -> OffersMade:
        """Rank the bids by APR, store them as offers and tell the borrower; without a bid the application ends."""
        async with self._database.transaction(auction.ref.tenant_id) as session:
            application = await locked(session, auction.ref)
            if application.status == _S.BIDDING:
                await self._close(session, application, auction)
            return await _made(session, application)

    @activity.defn(name="Offers.accept")
    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Bind the borrower and the provider: one offer accepted, the others not selected, the payout prepared."""
        async with self._database.transaction(acceptance.ref.tenant_id) as session:
            application = await locked(session, acceptance.ref)
            offers = await _offers(session, application)
            chosen = next(offer for offer in offers if offer.id == acceptance.offer_id)
            if application.status == _S.OFFERED:
                await self._accept(session, application, chosen, offers, acceptance.at)
            return Accepted(
                loan_id_of(application.id),
                chosen.id,
                chosen.amount_minor,
                chosen.currency,
                application.cooling_off_until,
            )

    @activity.defn(name="Offers.end")
    async def end(self, ending: Ending) -> ApplicationStatus:
        """End the application and what was open of its offers."""
        async with self._database.transaction(ending.ref.tenant_id) as session:
            application = await locked(session, ending.ref)
            if not APPLICATION.is_final(ApplicationStatus(application.status)):
                left = OfferStatus.EXPIRED if ending.status is _S.OFFERS_EXPIRED else OfferStatus.NOT_SELECTED
                for offer in await _offers(session, application):
                    if offer.status in (OfferStatus.SUBMITTED, OfferStatus.ACCEPTED):
                        lapsed = offer.status == OfferStatus.ACCEPTED
                        await _settle(session, application, offer, OfferStatus.LAPSED if lapsed else left, ending.at)
                move(session, application, ending.status, at=ending.at, reason=ending.reason)
            return ApplicationStatus(application.status)

    async def _close(self, session: AsyncSession, application: Application, auction: ClosedAuction) -> None:
        grants = {g.provider_id: g for g in await _grants(session, application)}
        for answer in auction.answers:
            grants[answer.provider_id].answer = answer.answer
            grants[answer.provider_id].answered_at = answer.at
        if not auction.bids:
            move(session, application, _S.NO_OFFERS, at=auction.at, reason="no provider made an offer")
            return
        ranked = rank(auction.bids, on=auction.at.date())
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

    async def _accept(
        self, session: AsyncSession, application: Application, chosen: Offer, offers: Sequence[Offer], at: datetime
    ) -> None:
        tenant = await session.get_one(Tenant, application.tenant_id)
        application.loan_id = loan_id_of(application.id)
        for offer in offers:
            if offer is not chosen and offer.status == OfferStatus.SUBMITTED:
                await _settle(session, application, offer, OfferStatus.NOT_SELECTED, at)
        await _settle(session, application, chosen, OfferStatus.ACCEPTED, at)
        move(session, application, _S.ACCEPTED, at=at, offerId=chosen.id, providerId=chosen.provider_id)
        move(session, application, _S.SIGNING, at=at, agreementHash=agreement_hash(application, chosen))
        if tenant.cooling_off_days:
            day = at.date() + timedelta(days=tenant.cooling_off_days)
            application.cooling_off_until = datetime.combine(day, time.max, at.tzinfo)
        else:
            move(session, application, _S.DISBURSING, at=at)
        self._prepare_payout(session, application, chosen)

    def _prepare_payout(self, session: AsyncSession, application: Application, chosen: Offer) -> None:
        """The payment exists before the rail is asked, so that no crash can lose a transfer that is on its way."""
        loan_id = loan_id_of(application.id)
        session.add(
            Payment(
                tenant_id=application.tenant_id,
                id=derived_id("pay", loan_id, "disbursement"),
                loan_id=loan_id,
                kind=PaymentKind.DISBURSEMENT,
                status=PaymentStatus.INITIATED,
                method="bank_transfer",
                rail=self._rail_name,
                external_reference=loan_id,
                amount_minor=chosen.amount_minor - chosen.processing_fee_minor,
                currency=chosen.currency,
            )
        )
        session.add(
            RailAddress(
                tenant_id=application.tenant_id, address=loan_id, application_id=application.id, loan_id=loan_id
            )
        )


def loan_id_of(application_id: str) -> str:
    """An application becomes one loan, so one gives the other."""
    return derived_id("loan", application_id)


def agreement_hash(application: Application, offer: Offer) -> str:
    """SHA-256 over the terms the borrower agreed to, for the audit trail."""
    terms = (
        application.id,
        offer.id,
        offer.provider_id,
        str(offer.amount_minor),
        offer.currency,
        f"{offer.annual_rate_percent:f}",
        str(offer.processing_fee_minor),
        str(offer.installments),
        f"{offer.apr_percent:f}",
    )
    return sha256("|".join(terms).encode()).hexdigest()


async def _settle(
    session: AsyncSession, application: Application, offer: Offer, status: OfferStatus, at: datetime
) -> None:
    """Move one offer and tell its provider; only the provider whose offer was accepted learns who the borrower is."""
    offer.status = OFFER.check(OfferStatus(offer.status), status)
    data = {"leadId": application.lead_id, "offerId": offer.id, "status": status}
    if status is not OfferStatus.ACCEPTED:
        event = ProviderEventType.OFFER_NOT_SELECTED
        tell_provider(session, application, offer.provider_id, event, data, at=at)
        return
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    data |= lead_data(application, applicant, disclosure="full")
    tell_provider(session, application, offer.provider_id, ProviderEventType.OFFER_ACCEPTED, data, at=at)
    accepted = Event(EventType.OFFER_ACCEPTED, application.id, at, application.loan_id, {"offerId": offer.id})
    emit(session, application.tenant_id, accepted, key=offer.id)


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
        apr_method="us_reg_z_appendix_j",
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
    offers = await _offers(session, application)
    return OffersMade(
        ApplicationStatus(application.status),
        tuple(StandingOffer(offer.id, offer.provider_id, offer.expires_at) for offer in offers),
    )


async def _offers(session: AsyncSession, application: Application) -> Sequence[Offer]:
    found = await session.execute(
        select(Offer).where(col(Offer.application_id) == application.id).order_by(col(Offer.rank))
    )
    return found.scalars().all()


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
