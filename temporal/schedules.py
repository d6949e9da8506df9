"""Schedules of the cluster: what is started by the calendar, and by nobody's request."""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from temporal import search_attributes as sa

# A cluster that was away for a week still starts what it missed; each start then closes every day that is left.
_CATCH_UP = timedelta(days=7)
# A month is billed however long the cluster was away.
_CATCH_UP_MONTH = timedelta(days=31)
# So that a thousand tenants do not wake in the same second.
_JITTER = timedelta(minutes=10)


async def start_daily(
    client: Client, schedule_id: str, workflow: str, argument: Any, *, tenant_id: str, task_queue: str, cron: str
) -> bool:
    """Start the workflow every day at the time of `cron`, in UTC; False when that is so already."""
    return await _start(client, schedule_id, workflow, argument, tenant_id, task_queue, cron, _CATCH_UP)


async def start_monthly(
    client: Client, schedule_id: str, workflow: str, argument: Any, *, tenant_id: str, task_queue: str, cron: str
) -> bool:
    """Start the workflow on the day of each month that `cron` says, in UTC; False when that is so already."""
    return await _start(client, schedule_id, workflow, argument, tenant_id, task_queue, cron, _CATCH_UP_MONTH)


async def _start(  # noqa: PLR0913, PLR0917 - the two above, with the one thing in which they differ
    client: Client,
    schedule_id: str,
    workflow: str,
    argument: Any,
    tenant_id: str,
    task_queue: str,
    cron: str,
    catch_up: timedelta,
) -> bool:
    action = ScheduleActionStartWorkflow(
        workflow,
        argument,
        id=schedule_id,
        task_queue=task_queue,
        typed_search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, tenant_id)]),
        static_summary=schedule_id,
    )
    spec = ScheduleSpec(cron_expressions=[cron], jitter=_JITTER)
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=catch_up)
    try:
        await client.create_schedule(schedule_id, Schedule(action=action, spec=spec, policy=policy))
    except ScheduleAlreadyRunningError:
        return False
    return True


async def scheduled(client: Client, prefix: str) -> set[str]:
    """The ids of the schedules there are that begin so."""
    return {each.id async for each in await client.list_schedules() if each.id.startswith(prefix)}


async def stop(client: Client, schedule_id: str) -> None:
    """End a schedule; one that has ended is no trouble."""
    try:
        await client.get_schedule_handle(schedule_id).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
