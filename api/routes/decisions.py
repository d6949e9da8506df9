"""Decisions: what a provider answers to a lead, signed."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request

from api.decisions import check_path, decided, lapsed
from api.examples import DECISION
from api.idempotency import Ids, SignedRoute, key_of
from api.own import ProviderId
from api.problems import Forbidden
from api.resources import Having
from api.schemas.leads import DecidedOut, DecisionIn, LapsedOut, LapseIn
from api.schemas.values import Identifier
from api.security import SignedProvider

router = APIRouter(prefix="/api/v1/providers", tags=["decisions"], route_class=SignedRoute)

LeadId = Annotated[Identifier, Path(alias="leadId")]


@router.post("/{providerId}/leads/{leadId}/decision")
async def decide(
    provider_id: ProviderId,
    lead_id: LeadId,
    decision: Annotated[DecisionIn, Body(openapi_examples=DECISION)],
    request: Request,
    caller: SignedProvider,
    having: Having,
    _: Ids,
) -> DecidedOut:
    """Take a decision on a lead, signed by Standard Webhooks with the provider's secret.

    A lead that was never offered to the provider does not exist for it: 404. Until the window closes a bid may be
    replaced by another one; the same one again is a 409, and so is anything after a decline or a withdrawal. After the
    close a bid can only be withdrawn, and only until the borrower has accepted it.
    """
    if caller.provider_id != provider_id:
        raise Forbidden("This key belongs to another provider.", "providerId")
    check_path(decision, provider_id=provider_id, lead_id=lead_id)
    message_id = key_of(request) or request.headers["webhook-id"]
    return await decided(having, caller, decision, await request.body(), message_id=message_id)


@router.post("/{providerId}/leads/{leadId}/lapse")
async def lapse(
    provider_id: ProviderId,
    lead_id: LeadId,
    body: LapseIn,
    request: Request,
    caller: SignedProvider,
    having: Having,
    _: Ids,
) -> LapsedOut:
    """Do not pay out after all, its conditions not being met; signed as a decision is.

    Possible after the acceptance and before the money leaves. The borrower is offered the next best offer.
    """
    if caller.provider_id != provider_id:
        raise Forbidden("This key belongs to another provider.", "providerId")
    check_path(body, provider_id=provider_id, lead_id=lead_id)
    message_id = key_of(request) or request.headers["webhook-id"]
    status = await lapsed(having, caller, body, message_id=message_id)
    return LapsedOut(lead_id=lead_id, status=status)
