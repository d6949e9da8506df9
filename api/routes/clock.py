"""The virtual clock: in the sandbox one application or loan lives through a month in a moment."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from api.idempotency import IdempotentRoute, Ids
from api.problems import Forbidden
from api.processes import NoSuchProcess
from api.resources import Having
from api.routes.applications import application_in
from api.routes.loans import loan_in
from api.schemas.messages import AdvancedOut, AdvanceIn
from api.schemas.values import Identifier
from api.security import TenantCaller
from models.errors import Conflict, Refused
from workflows.application import application_workflow_id
from workflows.loan import loan_workflow_id

router = APIRouter(prefix="/api/sandbox/clock", tags=["sandbox"], route_class=IdempotentRoute)


class ClockStopped(Conflict):
    """The workflow has ended, or has not begun; it has no clock to move."""


class OneUnitOnly(Refused):
    """A step is in days or in hours."""


class NotInProduction(Forbidden):
    """Real loans live in real time."""


@router.post("/{kind}/{id}/advance")
async def advance(
    kind: Literal["applications", "loans"],
    identifier: Annotated[Identifier, Path(alias="id")],
    body: AdvanceIn,
    caller: TenantCaller,
    having: Having,
    _: Ids,
) -> AdvancedOut:
    """Move one clock forward, and answer when everything that came due on the way has been done."""
    if not having.settings.is_sandbox:
        raise NotInProduction("Clocks are not moved in production.")
    if (body.days is None) == (body.hours is None):
        raise OneUnitOnly("Say days or hours, one of the two.", "days")
    async with having.database.transaction(caller.tenant_id) as session:
        if kind == "applications":
            workflow_id = application_workflow_id((await application_in(session, caller, identifier)).id)
        else:
            workflow_id = loan_workflow_id((await loan_in(session, caller, identifier)).id)
    step = timedelta(days=body.days or 0, hours=body.hours or 0)
    try:
        moved = await having.processes.advance(workflow_id, step, timeout_seconds=having.settings.clock_timeout_seconds)
    except NoSuchProcess:
        raise ClockStopped("Nothing runs under this id; it has no clock to move.", "id") from None
    return AdvancedOut(reached=moved.reached, now=moved.now)
