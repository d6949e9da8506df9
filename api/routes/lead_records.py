"""What is on record of a lead: how it was matched, who learned what of the borrower, what providers want to know."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.decisions import UnknownLead
from api.idempotency import IdempotentRoute, Ids
from api.lead_information import answer_information
from api.resources import Having
from api.routes.decisions import LeadId
from api.schemas.leads import (
    DisclosureOut,
    DisclosuresOut,
    InformationIn,
    InformationListOut,
    InformationOut,
    InformedOut,
    MatchingOut,
)
from api.schemas.values import Identifier
from api.security import TenantCaller
from models.matching_record import MatchRecord, replayed
from models.records.applications import Application
from models.records.disclosures import DisclosureReason, DisclosureRow
from models.records.information import InformationRow
from models.records.matching import MatchingRow

router = APIRouter(prefix="/api/v1/leads", tags=["leads"], route_class=IdempotentRoute)


@router.get("/{leadId}/matching")
async def matching(lead_id: LeadId, caller: TenantCaller, having: Having) -> MatchingOut:
    """Who was invited to bid and why, with all that the match was made of."""
    async with having.database.transaction(caller.tenant_id) as session:
        found = await session.execute(select(MatchingRow).where(MatchingRow.lead_id == lead_id))
        row = found.scalar_one_or_none()
    if row is None:
        raise UnknownLead(f"There is no lead {lead_id} that was matched.", "leadId")
    record = MatchRecord(row.matched_on, row.lead, row.candidates, row.weights, row.result)
    return MatchingOut(
        lead_id=row.lead_id,
        application_id=row.application_id,
        matched_at=row.matched_at,
        matched_on=row.matched_on,
        weights_version=row.weights_version,
        weights=row.weights,
        lead=row.lead,
        candidates=row.candidates,
        result=row.result,
        explored=row.explored,
        replays=replayed(record) == row.result,
    )


@router.get("/{leadId}/disclosures")
async def disclosures(lead_id: LeadId, caller: TenantCaller, having: Having) -> DisclosuresOut:
    """Every release of personal data to a provider, oldest first."""
    query = select(DisclosureRow).where(DisclosureRow.lead_id == lead_id)
    async with having.database.transaction(caller.tenant_id) as session:
        await _check_lead(session, lead_id)
        rows = (await session.execute(query.order_by(col(DisclosureRow.disclosed_at), col(DisclosureRow.id)))).scalars()
        return DisclosuresOut(lead_id=lead_id, data=[_disclosure_out(row) for row in rows])


@router.get("/{leadId}/information")
async def information(lead_id: LeadId, caller: TenantCaller, having: Having) -> InformationListOut:
    """What providers want to know before they decide, oldest first."""
    query = select(InformationRow).where(InformationRow.lead_id == lead_id)
    async with having.database.transaction(caller.tenant_id) as session:
        await _check_lead(session, lead_id)
        rows = (await session.execute(query.order_by(col(InformationRow.asked_at), col(InformationRow.id)))).scalars()
        return InformationListOut(lead_id=lead_id, data=[_information_out(row) for row in rows])


@router.post("/{leadId}/information/{informationId}")
async def inform(
    lead_id: LeadId,
    information_id: Annotated[Identifier, Path(alias="informationId")],
    body: InformationIn,  # noqa: ARG001 - its shape is checked; what is kept is what came
    request: Request,
    caller: TenantCaller,
    having: Having,
    _: Ids,
) -> InformedOut:
    """Answer a provider; it is told by `information_provided`, and nobody else is."""
    answer = json.loads(await request.body())["answer"]
    provided = await answer_information(having, caller, lead_id, information_id, answer)
    return InformedOut(information_id=information_id, provided=provided)


async def _check_lead(session: AsyncSession, lead_id: str) -> None:
    if (await session.execute(select(Application.id).where(Application.lead_id == lead_id))).first() is None:
        raise UnknownLead(f"There is no lead {lead_id}.", "leadId")


def _disclosure_out(row: DisclosureRow) -> DisclosureOut:
    return DisclosureOut(
        disclosure_id=row.id,
        provider_id=row.provider_id,
        what=row.what,
        why=DisclosureReason(row.why),
        reference=row.reference,
        disclosed_at=row.disclosed_at,
    )


def _information_out(row: InformationRow) -> InformationOut:
    return InformationOut(
        information_id=row.id,
        provider_id=row.provider_id,
        information_needed=row.needed,
        note=row.note,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
    )
