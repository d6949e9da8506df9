"""What came of an application: its offers, and everything that happened in order."""

from fastapi import APIRouter
from sqlalchemy import tuple_
from sqlmodel import col, select

from api.pagination import PageOut, Pages, moment, whole
from api.resources import Having
from api.routes.applications import ApplicationId, application_in
from api.schemas.applications import EventOut
from api.schemas.offers import BestOfferOut, ComparedOut, OfferOut, OffersOut
from api.security import TenantCaller
from models.application import ApplicationStatus
from models.offer import OfferStatus
from models.records.offers import Offer
from models.records.outbox import EventRow
from models.records.products import product_of

router = APIRouter(prefix="/api/loans/applications", tags=["applications"])

_STANDING = frozenset({OfferStatus.SUBMITTED, OfferStatus.ACCEPTED, OfferStatus.FUNDED})


@router.get("/{applicationId}/offers")
async def offers(application_id: ApplicationId, caller: TenantCaller, having: Having) -> OffersOut:
    """The offers, best first; while bids come in, only until when they are sealed."""
    async with having.database.transaction(caller.tenant_id) as session:
        application = await application_in(session, caller, application_id)
        product = await product_of(session, application)
        found = await session.execute(
            select(Offer).where(Offer.application_id == application_id).order_by(col(Offer.rank))
        )
        rows = found.scalars().all()
    sealed = application.status == ApplicationStatus.BIDDING
    hours = application.bidding_window_hours
    # What was replaced, taken back or too old was never the borrower's to choose.
    shown = [] if sealed else [row for row in rows if row.rank is not None or row.status == OfferStatus.LAPSED]
    ranked = [row for row in shown if row.rank is not None and row.status in _STANDING]
    best = next((BestOfferOut(provider_id=r.provider_id, offer_id=r.id, reason=r.reason) for r in ranked), None)
    return OffersOut(
        application_id=application_id,
        lead_id=application.lead_id,
        status=ApplicationStatus(application.status),
        bidding_window=f"{hours} hours" if hours and application.bids_close_at else None,
        sealed=sealed,
        sealed_until=application.bids_close_at if sealed else None,
        offers=[OfferOut.of(offer) for offer in shown],
        comparison=[ComparedOut.of(offer, product) for offer in ranked],
        best_offer=best,
    )


@router.get("/{applicationId}/timeline")
async def timeline(
    application_id: ApplicationId, caller: TenantCaller, having: Having, paging: Pages
) -> PageOut[EventOut]:
    """Everything that happened to the application and its loan, oldest first."""
    query = select(EventRow).where(EventRow.application_id == application_id)
    if (after := paging.position(moment, whole)) is not None:
        query = query.where(tuple_(EventRow.occurred_at, EventRow.sequence) > after)
    query = query.order_by(col(EventRow.occurred_at), col(EventRow.sequence)).limit(paging.fetched)
    async with having.database.transaction(caller.tenant_id) as session:
        await application_in(session, caller, application_id)
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, _event_out, lambda row: (row.occurred_at.isoformat(), str(row.sequence)))


def _event_out(row: EventRow) -> EventOut:
    return EventOut(
        event_id=row.id,
        type=row.type,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor=row.actor,
        loan_id=row.loan_id,
        data=row.data,
    )
