"""A provider's own leads: listed, shown as it may see them, and taken into its system."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.dialects.postgresql import insert

from api.etags import fresh
from api.idempotency import IdempotentRoute, Ids
from api.own import OwnProvider, ProviderId
from api.pagination import PageOut, Pages, moment
from api.provider_leads import SeenLead, Wanted, lead_of, leads_of, shown, shown_whole
from api.resources import Having
from api.routes.decisions import LeadId
from api.schemas.provider_leads import LeadReceiptOut, LeadStanding, ProviderLeadDetailOut, ProviderLeadOut
from api.schemas.values import Moment
from models.records.provider_notices import LeadReceipt

router = APIRouter(prefix="/api/v1/providers", tags=["provider api"], route_class=IdempotentRoute)


@router.get("/{providerId}/leads")
async def find(
    provider_id: ProviderId,
    caller: OwnProvider,
    having: Having,
    paging: Pages,
    status: LeadStanding | None = None,
    since: Annotated[Moment | None, Query(description="Granted at this moment or later.")] = None,
) -> PageOut[ProviderLeadOut]:
    """The leads this provider was invited to, newest first."""
    query = leads_of(provider_id, Wanted(status, since, paging.position(moment, str))).limit(paging.fetched)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = [SeenLead(*row) for row in await session.execute(query)]
    return paging.page(rows, shown, _position)


@router.get("/{providerId}/leads/{leadId}", response_model=ProviderLeadDetailOut)
async def show(
    provider_id: ProviderId, lead_id: LeadId, request: Request, caller: OwnProvider, having: Having
) -> Response:
    """One lead: masked, or in full for the provider whose offer was accepted. `If-None-Match` answers 304."""
    async with having.database.transaction(caller.tenant_id) as session:
        lead = await lead_of(session, provider_id, lead_id)
        return fresh(request, await shown_whole(session, lead, at=datetime.now(UTC)))


@router.post("/{providerId}/leads/{leadId}/receipt")
async def receive(
    provider_id: ProviderId, lead_id: LeadId, caller: OwnProvider, having: Having, _: Ids
) -> LeadReceiptOut:
    """Say that the lead is in the provider's system. The first time counts, however often it is said."""
    async with having.database.transaction(caller.tenant_id) as session:
        grant = (await lead_of(session, provider_id, lead_id)).grant
        key = {"tenant_id": caller.tenant_id, "application_id": grant.application_id, "provider_id": provider_id}
        now = {"received_at": datetime.now(UTC)}
        await session.execute(insert(LeadReceipt).values(key | now).on_conflict_do_nothing())
        kept = await session.get_one(LeadReceipt, tuple(key.values()))
    return LeadReceiptOut(lead_id=lead_id, received_at=kept.received_at)


def _position(lead: SeenLead) -> tuple[str, ...]:
    return lead.grant.granted_at.isoformat(), lead.grant.application_id
