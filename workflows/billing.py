"""The billing of one tenant's month: started by its schedule on the first of the next, or by hand.

collect what happened -> [ one invoice for each provider and currency, four at a time ]
"""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior

from activities.billing import Billed, BilledMonth, Billing
from models.billing_period import month_of
from workflows.acting import TRANSACTION_RETRY

_AT_ONCE = 4
# They read every lead of a tenant, and every event of a provider's month; nobody waits for them.
_COLLECTING, _INVOICING = timedelta(minutes=10), timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BillMonth:
    """Bill the tenant's month with this first day; the month before this one when none is named."""

    tenant_id: str
    first: date | None = None


def billing_id(tenant_id: str, first: date | None = None) -> str:
    """The id of the schedule of a tenant, and of the workflow that bills its month."""
    return f"billing/{tenant_id}" if first is None else f"billing/{tenant_id}/{first:%Y-%m}"


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class InvoiceWorkflow:
    """What was billed is in the rows, so it may be killed or started twice at any point."""

    @workflow.run
    async def run(self, month: BillMonth) -> int:
        """Bill the month; the number of invoices it has."""
        first = month.first or month_of(workflow.now().date()).before.first
        accounts = await workflow.execute_activity_method(
            Billing.collect,
            BilledMonth(month.tenant_id, first),
            start_to_close_timeout=_COLLECTING,
            retry_policy=TRANSACTION_RETRY,
            summary=f"what happened until the end of {first:%Y-%m}",
        )
        at, issued = workflow.now(), 0
        for place in range(0, len(accounts), _AT_ONCE):
            billed = [Billed(month.tenant_id, *account, first, at) for account in accounts[place : place + _AT_ONCE]]
            issued += sum(invoice is not None for invoice in await asyncio.gather(*map(self._invoice, billed)))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(BillMonth(month.tenant_id, first))
        return issued

    async def _invoice(self, billed: Billed) -> str | None:
        return await workflow.execute_activity_method(
            Billing.invoice,
            billed,
            start_to_close_timeout=_INVOICING,
            retry_policy=TRANSACTION_RETRY,
            summary=f"{billed.provider_id}, {billed.currency}",
        )
