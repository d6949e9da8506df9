"""What a person has to look at: found, read, resolved."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy import tuple_
from sqlmodel import col, select

from activities.operator_tasks import resolve_task, task_in
from api.examples import RESOLUTION
from api.idempotency import IdempotentRoute
from api.pagination import PageOut, Pages, moment
from api.resources import Having
from api.schemas.operator_tasks import ResolutionIn, TaskDetailOut, TaskOut
from api.schemas.values import Identifier
from api.security import TenantCaller
from models.records.operator_tasks import OperatorTask

router = APIRouter(prefix="/api/operator-tasks", tags=["operator tasks"], route_class=IdempotentRoute)

TaskId = Annotated[Identifier, Path(alias="taskId")]


@router.get("")
async def find(
    caller: TenantCaller,
    having: Having,
    paging: Pages,
    kind: Identifier | None = None,
    loan_id: Annotated[Identifier | None, Query(alias="loanId")] = None,
    resolved: Annotated[bool | None, Query(description="Only those that are, or are not; all when absent.")] = None,
) -> PageOut[TaskOut]:
    """The tenant's tasks, filtered, the latest first."""
    place = (col(OperatorTask.opened_at), col(OperatorTask.id))
    query = select(OperatorTask).order_by(place[0].desc(), place[1].desc()).limit(paging.fetched)
    for column, value in ((OperatorTask.kind, kind), (OperatorTask.loan_id, loan_id)):
        if value is not None:
            query = query.where(col(column) == value)
    if resolved is not None:
        is_open = col(OperatorTask.resolved_at).is_(None)
        query = query.where(~is_open if resolved else is_open)
    if (after := paging.position(moment, str)) is not None:
        query = query.where(tuple_(*place) < after)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, _task_out, lambda row: (row.opened_at.isoformat(), row.id))


@router.get("/{taskId}")
async def show(task_id: TaskId, caller: TenantCaller, having: Having) -> TaskDetailOut:
    """One task."""
    async with having.database.transaction(caller.tenant_id) as session:
        return _detail(await task_in(session, caller.tenant_id, task_id))


@router.post("/{taskId}/resolve")
async def resolve(
    task_id: TaskId,
    body: Annotated[ResolutionIn, Body(openapi_examples=RESOLUTION)],
    caller: TenantCaller,
    having: Having,
) -> TaskDetailOut:
    """Say what was done about it. A cause that is still there opens the task again."""
    async with having.database.transaction(caller.tenant_id) as session:
        return _detail(
            await resolve_task(
                session,
                caller.tenant_id,
                task_id,
                resolution=body.resolution,
                by=caller.key_id,
                at=datetime.now(UTC),
            )
        )


def _task_out(task: OperatorTask) -> TaskOut:
    return TaskOut(
        task_id=task.id,
        kind=task.kind,
        loan_id=task.loan_id,
        application_id=task.application_id,
        summary=task.summary,
        details=task.details,
        opened_at=task.opened_at,
        resolved_at=task.resolved_at,
        resolved_by=task.resolved_by,
        resolution=task.resolution,
    )


def _detail(task: OperatorTask) -> TaskDetailOut:
    return TaskDetailOut(**_task_out(task).model_dump())
