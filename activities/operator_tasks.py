"""Tasks for operators: opened by what the engine cannot settle alone, resolved by a person or by the cause's end."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.errors import Conflict, NotFound
from models.events import Event, EventType
from models.ids import derived_id
from models.records.chain_loans import ChainLoan
from models.records.loans import Loan
from models.records.operator_tasks import OperatorTask
from models.records.outbox import PLATFORM, Channel, deliver, emit

ENGINE = "engine"


class UnknownTask(NotFound):
    """The tenant has no such task."""


class TaskResolved(Conflict):
    """The task was resolved before."""


async def open_task(  # noqa: PLR0913 - a task is wide, and all of it is named
    session: AsyncSession,
    tenant_id: str,
    kind: str,
    *,
    loan_id: str | None,
    summary: str,
    details: Mapping[str, Any],
    key: str,
    at: datetime,
    reopens: bool = False,
) -> str:
    """Open a task with the caller's transaction, and tell the platform; the same `key` is the same task.

    One that is open is brought up to date. One that was resolved stays so, unless its cause `reopens` it.
    """
    task_id = derived_id("task", tenant_id, kind, key)
    application_id = await _application_of(session, tenant_id, loan_id)
    shown = {"summary": summary, "details": dict(details)}
    opening = {"opened_at": at, "resolved_at": None, "resolved_by": None, "resolution": None}
    ids = {"tenant_id": tenant_id, "id": task_id, "kind": kind, "loan_id": loan_id, "application_id": application_id}
    new = insert(OperatorTask).values(ids | shown | opening).on_conflict_do_nothing()
    is_new = (await session.execute(new.returning(col(OperatorTask.id)))).first() is not None
    if not is_new:
        is_new = await _bring_up_to_date(session, task_id, shown, opening if reopens else None)
    if is_new:
        _alert(session, tenant_id, {"taskId": task_id, "kind": kind, "loanId": loan_id} | shown, application_id, at)
    return task_id


async def settle_task(
    session: AsyncSession, tenant_id: str, kind: str, *, key: str, resolution: str, at: datetime
) -> None:
    """The cause has gone; a task that nobody has resolved is."""
    await session.execute(
        update(OperatorTask)
        .where(
            col(OperatorTask.tenant_id) == tenant_id,
            col(OperatorTask.id) == derived_id("task", tenant_id, kind, key),
            col(OperatorTask.resolved_at).is_(None),
        )
        .values(resolved_at=at, resolved_by=ENGINE, resolution=resolution)
    )


async def resolve_task(
    session: AsyncSession, tenant_id: str, task_id: str, *, resolution: str, by: str, at: datetime
) -> OperatorTask:
    """An operator has dealt with it. The same resolution again changes nothing."""
    task = await task_in(session, tenant_id, task_id, lock=True)
    if task.resolved_at is None:
        task.resolved_at, task.resolved_by, task.resolution = at, by, resolution
    elif (task.resolution, task.resolved_by) != (resolution, by):
        raise TaskResolved(f"{task.resolved_by} has resolved this task at {task.resolved_at:%Y-%m-%d %H:%M} UTC.")
    return task


async def task_in(session: AsyncSession, tenant_id: str, task_id: str, *, lock: bool = False) -> OperatorTask:
    """The tenant's task, or `UnknownTask`."""
    task = await session.get(OperatorTask, (tenant_id, task_id), with_for_update=lock)
    if task is None:
        raise UnknownTask(f"There is no task {task_id}.", "taskId")
    return task


async def _bring_up_to_date(
    session: AsyncSession, task_id: str, shown: Mapping[str, Any], opening: Mapping[str, Any] | None
) -> bool:
    """True when a task that was resolved is open again."""
    mine = col(OperatorTask.id) == task_id
    is_open = col(OperatorTask.resolved_at).is_(None)
    await session.execute(update(OperatorTask).where(mine, is_open).values(shown))
    if opening is None:
        return False
    again = update(OperatorTask).where(mine, ~is_open).values({**shown, **opening})
    return (await session.execute(again.returning(col(OperatorTask.id)))).first() is not None


async def _application_of(session: AsyncSession, tenant_id: str, loan_id: str | None) -> str | None:
    """A loan on chain has an application before it is a loan."""
    if loan_id is None:
        return None
    key = (tenant_id, loan_id)
    if (loan := await session.get(Loan, key)) is not None:
        return loan.application_id
    chained = await session.get(ChainLoan, key)
    return None if chained is None else chained.application_id


def _alert(
    session: AsyncSession, tenant_id: str, data: Mapping[str, Any], application_id: str | None, at: datetime
) -> None:
    """An alert is of the timeline of its loan; one that is of no loan is told all the same."""
    key = f"{data['taskId']}:{at.isoformat()}"
    if application_id is not None:
        event = Event(EventType.SYSTEM_ALERT, application_id, at, data["loanId"], dict(data))
        emit(session, tenant_id, event, key=key)
        return
    body = {"type": EventType.SYSTEM_ALERT, "timestamp": at.isoformat(), "data": dict(data)}
    deliver(session, tenant_id, Channel.WEBHOOK, PLATFORM, EventType.SYSTEM_ALERT, json.dumps(body), key=key)
