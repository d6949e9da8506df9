"""Keeping the schedules of every tenant: the close of business after midnight UTC, and the billing of each month."""

import asyncio

import structlog
from sqlmodel import col, select
from temporalio.client import Client

from models.records.database import Database
from models.records.tenants import Tenant
from temporal.queues import LOANS
from temporal.schedules import start_daily, start_monthly
from workflows.billing import BillMonth, InvoiceWorkflow, billing_id
from workflows.close_of_business import CloseOfBusinessWorkflow, CloseThrough, close_of_business_id

log = structlog.get_logger()

_AFTER_MIDNIGHT = "5 0 * * *"
# After the close of the month's last day, by which a loan may have come into default.
_FIRST_OF_MONTH = "0 3 1 * *"


class Calendar:
    """Looks for new tenants now and then. What is scheduled stays so in the cluster, whatever becomes of us."""

    def __init__(self, client: Client, tenants: Database, *, seconds: float = 60, task_queue: str = LOANS) -> None:
        self._client = client
        self._tenants = tenants
        self._seconds = seconds
        self._task_queue = task_queue
        self._kept: set[str] = set()

    async def run(self) -> None:
        """Look, and look again, until it is cancelled; an outage is waited out."""
        while True:
            try:
                await self.keep()
            except Exception:
                log.exception("calendar cannot reach the cluster or the rows")
            await asyncio.sleep(self._seconds)

    async def keep(self) -> None:
        """See that every tenant has its schedules."""
        async with self._tenants.transaction() as session:
            known = set((await session.execute(select(col(Tenant.tenant_id)))).scalars())
        for tenant_id in sorted(known - self._kept):
            await start_daily(
                self._client,
                close_of_business_id(tenant_id),
                CloseOfBusinessWorkflow.__name__,
                CloseThrough(tenant_id),
                tenant_id=tenant_id,
                task_queue=self._task_queue,
                cron=_AFTER_MIDNIGHT,
            )
            await start_monthly(
                self._client,
                billing_id(tenant_id),
                InvoiceWorkflow.__name__,
                BillMonth(tenant_id),
                tenant_id=tenant_id,
                task_queue=self._task_queue,
                cron=_FIRST_OF_MONTH,
            )
            self._kept.add(tenant_id)
