"""What becomes of one offer, who is told, and what is left to the borrower when the accepted one lapses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.applications import move, offers_of
from activities.disclosures import disclosed
from activities.leads import lead_data
from activities.notices import lapsed_notice
from activities.provider_news import ProviderNews, tell_provider
from activities.standing import place_again
from models.application import ApplicationStatus
from models.events import Event, EventType, ProviderEventType
from models.money import major_units
from models.offer import OFFER, OfferStatus
from models.records.applications import Applicant, Application
from models.records.disclosures import DisclosureReason
from models.records.offers import Offer
from models.records.outbox import Channel, deliver, emit

_TOLD = {
    OfferStatus.ACCEPTED: ProviderEventType.OFFER_ACCEPTED,
    OfferStatus.LAPSED: ProviderEventType.OFFER_LAPSED,
}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The status an offer takes; and if it is broken off, by whom (provider, operator, borrower, rail) and why."""

    status: OfferStatus
    at: datetime
    by: str | None = None
    why: str | None = None


async def settle(session: AsyncSession, application: Application, offer: Offer, settlement: Settlement) -> None:
    """Move one offer and tell its provider; only the provider whose offer was accepted learns who the borrower is."""
    offer.status = OFFER.check(OfferStatus(offer.status), settlement.status)
    if settlement.status is OfferStatus.WITHDRAWN:
        offer.settled_at, offer.settled_by = settlement.at, settlement.by
        return  # by its provider, which need not be told
    data: dict[str, Any] = {"leadId": application.lead_id, "offerId": offer.id, "status": settlement.status}
    if settlement.status is OfferStatus.ACCEPTED:
        data |= await _released(session, application, offer, at=settlement.at)
    else:
        offer.settled_at, offer.settled_by = settlement.at, settlement.by
        data |= {name: said for name, said in (("by", settlement.by), ("reason", settlement.why)) if said}
    event = _TOLD.get(settlement.status, ProviderEventType.OFFER_NOT_SELECTED)
    tell_provider(session, offer.tenant_id, offer.provider_id, ProviderNews(event, application.id, settlement.at, data))
    if settlement.status in _TOLD:
        kind = EventType.OFFER_LAPSED if settlement.status is OfferStatus.LAPSED else EventType.OFFER_ACCEPTED
        facts = {"offerId": offer.id} | ({"by": settlement.by} if settlement.by else {})
        emit(
            session,
            application.tenant_id,
            Event(kind, application.id, settlement.at, application.loan_id, facts),
            key=offer.id,
        )


async def settle_the_others(session: AsyncSession, application: Application, *, at: datetime) -> None:
    """The money has left, or never will: whoever still stood by its offer is told that it was not selected."""
    for offer in await offers_of(session, application):
        if offer.status == OfferStatus.SUBMITTED:
            await settle(session, application, offer, Settlement(OfferStatus.NOT_SELECTED, at))


async def fall_back(
    session: AsyncSession, application: Application, lapsed: Offer, *, at: datetime, reason: str
) -> bool:
    """Offer the borrower what is still valid, the next best first; False when nothing is."""
    standing = [offer for offer in await offers_of(session, application) if offer.status == OfferStatus.SUBMITTED]
    alive = [offer for offer in standing if offer.expires_at > at]
    for offer in standing:
        if offer not in alive:
            await settle(session, application, offer, Settlement(OfferStatus.EXPIRED, at))
    if not alive:
        return False
    lapsed.rank = None
    place_again(alive, application)
    alive.sort(key=lambda offer: offer.rank or 0)
    application.lapses += 1
    application.offers_expire_at = max(offer.expires_at for offer in alive)
    move(session, application, ApplicationStatus.OFFERED, at=at, reason=reason, lapsed=lapsed.id, offers=len(alive))
    application.loan_id = application.cooling_off_until = None
    ranking = [{"offerId": o.id, "providerId": o.provider_id, "apr": float(o.apr_percent)} for o in alive]
    event = Event(EventType.OFFERS_RANKED, application.id, at, data={"offers": ranking})
    emit(session, application.tenant_id, event, key=f"offers:{application.lapses}")
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    offers = [(o.provider_name, major_units(o.amount_minor, o.currency), o.currency, o.apr_percent) for o in alive]
    subject, text = lapsed_notice(applicant.first_name, lapsed.provider_name, offers)
    key = f"lapsed:{application.id}:{lapsed.id}"
    deliver(session, application.tenant_id, Channel.MAIL, applicant.email, subject, text, key=key)
    return True


async def _released(session: AsyncSession, application: Application, offer: Offer, *, at: datetime) -> dict[str, Any]:
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    disclosed(session, application, offer.provider_id, DisclosureReason.OFFER_ACCEPTED, offer.id, at=at)
    return lead_data(application, applicant, disclosure="full")
