"""The close of business of one tenant: every day that has ended and is not closed, one after the other.

next day -> [ partitions, four at a time ] -> complete -> next day -> ... -> none is left
"""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior

from activities.close_of_business import BusinessDay, CloseOfBusiness, OpenDay, Partition
from workflows.acting import transact

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class CloseThrough:
    """Close every day of the tenant up to `on`; up to yesterday when no day is named."""

    tenant_id: str
    on: date | None = None


def close_of_business_id(tenant_id: str, on: date | None = None) -> str:
    """The id of the schedule of a tenant, and of the workflow that closes its day.

    Temporal adds the time to the id of what a schedule starts.
    """
    return f"cob/{tenant_id}" if on is None else f"cob/{tenant_id}/{on}"


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class CloseOfBusinessWorkflow:
    """Where it stands is in the rows, so it may be killed, started twice, or continued as new, at any point."""

    @workflow.run
    async def run(self, close: CloseThrough) -> None:
        """Close one day after the other."""
        on = close.on or workflow.now().date() - timedelta(days=1)
        while day := await self._next(BusinessDay(close.tenant_id, on)):
            for place in range(0, len(day.partitions), _AT_ONCE):
                await asyncio.gather(*map(self._close_partition, day.partitions[place : place + _AT_ONCE]))
                if workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(CloseThrough(close.tenant_id, on))
            await transact(CloseOfBusiness.complete, day.day, summary=f"{day.day.on} is closed")

    async def _next(self, through: BusinessDay) -> OpenDay | None:
        return await transact(CloseOfBusiness.next_day, through, summary="which day is to be closed next")

    async def _close_partition(self, part: Partition) -> int:
        return await transact(CloseOfBusiness.close_partition, part, summary=f"{part.on}: from {part.first_id}")
