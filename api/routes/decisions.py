"""Decisions: what a provider answers to a lead, signed."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request

from api.decisions import Inbox, check_path
from api.examples import DECISION
from api.idempotency import Ids, SignedRoute, key_of
from api.problems import Forbidden
from api.processes import Declined, NoSuchProcess
from api.resources import Having
from api.routes.providers import ProviderId
from api.schemas.leads import DecidedOut, DecisionIn
from api.schemas.values import Identifier
from api.security import SignedProvider
from models.bidding import BiddingClosed
from workflows.application import ApplicationWorkflow, application_workflow_id

router = APIRouter(prefix="/api/v1/providers", tags=["decisions"], route_class=SignedRoute)

LeadId = Annotated[Identifier, Path(alias="leadId")]

_APPROVED = [
    "Customer will be notified of approval",
    "Customer can accept or decline the offer",
    "Upon acceptance, loan agreement will be generated",
]
_DECLINED = ["The decline is on record", "This lead will not be sent to you again"]


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

    A lead that was never offered to the provider does not exist for it: 404. One decision counts; a second is a 409,
    and so is any after the window has closed.
    """
    if caller.provider_id != provider_id:
        raise Forbidden("This key belongs to another provider.", "providerId")
    check_path(decision, provider_id=provider_id, lead_id=lead_id)
    message_id = key_of(request) or request.headers["webhook-id"]
    inbox = Inbox(having.database, caller, lead_id)
    application, judged = await inbox.store(decision, await request.body(), message_id)
    try:
        await having.processes.update(
            application_workflow_id(application.id),
            ApplicationWorkflow.decide,
            judged,
            # Of this provider: two of them may number their messages alike.
            update_id=f"{provider_id}:{message_id}",
        )
    except NoSuchProcess:
        closed = BiddingClosed("Bidding for this lead has closed.")
        await inbox.refuse(judged.decision_id, closed.code)
        raise closed from None
    except Declined as declined:
        await inbox.refuse(judged.decision_id, declined.code)
        raise
    return DecidedOut(accepted=True, next_steps=_APPROVED if judged.decision == "approved" else _DECLINED)
