"""Leads: distributed for a platform that assesses its own applicants."""

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy.exc import IntegrityError

from api.distribution import distributed, take_lead
from api.examples import LEAD
from api.idempotency import IdempotentRoute, Ids
from api.processes import NoSuchProcess
from api.resources import Having, Resources
from api.schemas.leads import DistributedOut, LeadIn
from api.security import Caller, TenantCaller
from models.application import ApplicationStatus
from models.records.applications import Application
from workflows.application import ApplicationWorkflow, application_workflow_id

router = APIRouter(prefix="/api/v1/leads", tags=["leads"], route_class=IdempotentRoute)

_NOT_YET_OUT = frozenset({ApplicationStatus.SUBMITTED, ApplicationStatus.DISTRIBUTING})


@router.post("/distribute")
async def distribute(
    lead: Annotated[LeadIn, Body(openapi_examples=LEAD)],
    caller: TenantCaller,
    having: Having,
    _: Ids,
) -> DistributedOut:
    """Send a lead to the best matched providers; answered when it has gone out.

    When the process engine is away the answer is 503: the lead is on record, it will go out, and asking again with the
    same `leadId` says to whom.
    """
    try:
        application = await _take(having, caller, lead)
    except IntegrityError:
        # The same lead, twice at the same moment: the other request has taken it.
        application = await _take(having, caller, lead)
    if application.status in _NOT_YET_OUT:
        await _wait_until_out(having, application.id)
    async with having.database.transaction(caller.tenant_id) as session:
        return await distributed(session, await session.get_one(Application, (caller.tenant_id, application.id)))


async def _take(having: Resources, caller: Caller, lead: LeadIn) -> Application:
    async with having.database.transaction(caller.tenant_id) as session:
        return await take_lead(session, caller.tenant_id, lead)


async def _wait_until_out(having: Resources, application_id: str) -> None:
    try:
        await having.processes.update_when_started(
            application_workflow_id(application_id), ApplicationWorkflow.distribution, update_id="distribution"
        )
    except NoSuchProcess:
        return  # it has ended meanwhile; the rows know how
