"""Asking workflows: bounded in number and time, and an answer that does not come is told from a no.

Declined        the workflow said no, with a code and a sentence      409 / 422
NoSuchProcess   it has ended, or has not been started yet             the route knows which
EngineAway      Temporal or every worker is away                      503, Retry-After
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from models.errors import Conflict, Refusal
from temporal import search_attributes as sa
from temporal.queues import LOANS
from temporal.refusals import refusal_in

_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
    }
)
_HEALTH_TIMEOUT = timedelta(seconds=1)
_START_POLL_SECONDS = 0.05


class Declined(Exception):
    """A workflow refused; the code is the refusal's own, which does not survive the wire as a class."""

    def __init__(self, code: str, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.code = code
        self.refusal = refusal


class NoSuchProcess(Exception):
    """There is no running workflow of this id."""


class EngineAway(Exception):
    """No answer in time. What was written stays written, and the same request may be made again."""


class ClockBusy(Conflict):
    """Somebody else moves this clock at the same time."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where a virtual clock stands; `reached` is False when the workflow ended on the way."""

    reached: bool
    now: datetime


class Processes:
    """The workflows, as the API reaches them."""

    def __init__(self, client: Client, *, calls: int, timeout_seconds: float) -> None:
        self._client = client
        self._slots = asyncio.Semaphore(calls)
        self._timeout_seconds = timeout_seconds

    async def update(self, workflow_id: str, update: Any, *args: object, update_id: str) -> Any:
        """Ask and wait for the answer; the same `update_id` is the same question."""
        async with self._reaching(self._timeout_seconds):
            return await self._ask(workflow_id, update, args, update_id)

    async def update_when_started(self, workflow_id: str, update: Any, *args: object, update_id: str) -> Any:
        """The same for a workflow the relay is about to start: the start has one home, and it is not here."""
        async with self._reaching(self._timeout_seconds):
            while True:
                try:
                    return await self._ask(workflow_id, update, args, update_id)
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise
                await asyncio.sleep(_START_POLL_SECONDS)

    async def update_with_start(
        self, run: Any, start: object, workflow_id: str, update: Any, *args: object, update_id: str, tenant_id: str
    ) -> Any:
        """The same for a workflow that may have ended: it is started again under its id, and asked at once."""
        async with self._reaching(self._timeout_seconds):
            starting: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                run,
                start,
                id=workflow_id,
                task_queue=LOANS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, tenant_id)]),
            )
            return await self._client.execute_update_with_start_workflow(
                update,
                args=list(args),
                id=update_id,
                start_workflow_operation=starting,
                rpc_timeout=timedelta(seconds=self._timeout_seconds),
            )

    async def advance(self, workflow_id: str, by: timedelta, *, timeout_seconds: float) -> Advanced:
        """Move one workflow's virtual clock and wait until it has lived through the time."""
        skipper = TimeSkipper(self._client, config=TimeSkippingConfig(enabled=False))
        handle = self._client.get_workflow_handle(workflow_id)
        async with _translated(), asyncio.timeout(timeout_seconds):
            reached = await skipper.fast_forward(handle, by)
            return Advanced(reached, await skipper.get_current_time(handle))

    async def clock_of(self, workflow_id: str) -> datetime | None:
        """A workflow's virtual time; None when nobody can say now."""
        try:
            skipper = TimeSkipper(self._client, config=TimeSkippingConfig(enabled=False))
            return await skipper.get_current_time(self._client.get_workflow_handle(workflow_id))
        except (RPCError, RuntimeError):
            return None

    async def is_healthy(self) -> bool:
        """Whether the cluster answers."""
        try:
            return await self._client.service_client.check_health(timeout=_HEALTH_TIMEOUT)
        except (RPCError, RuntimeError):
            return False

    async def _ask(self, workflow_id: str, update: Any, args: tuple[object, ...], update_id: str) -> Any:
        handle = self._client.get_workflow_handle(workflow_id)
        timeout = timedelta(seconds=self._timeout_seconds)
        return await handle.execute_update(update, args=list(args), id=update_id, rpc_timeout=timeout)

    @asynccontextmanager
    async def _reaching(self, timeout_seconds: float) -> AsyncIterator[None]:
        # The time-out is outside: waiting for a slot is waiting too.
        async with _translated(), asyncio.timeout(timeout_seconds), self._slots:
            yield


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except WorkflowUpdateFailedError as error:
        if found := refusal_in(error):
            raise Declined(*found) from error
        # Not a no, and workflows of ours fail for nothing else: it ended while we were asking.
        raise NoSuchProcess from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchProcess from error
        if error.status in _AWAY:
            raise EngineAway(str(error)) from error
        raise
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise EngineAway("no answer in time") from error
    except RuntimeError as error:
        # The SDK has no classes for these two.
        if "client connect" in str(error):
            raise EngineAway(str(error)) from error
        if "fast-forward" in str(error):
            raise ClockBusy("This clock is being moved by another request.") from error
        raise
