"""What the relay does about a chain: tell a loan what happened to it there, and an operator what should not have."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.chain_reconciliation import ChainReconciliation
from activities.operator_tasks import open_task
from models.chain import ChainNews
from models.loan import LoanRef
from models.records.chain_events import ChainEvent
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import OutboxKind
from temporal import search_attributes as sa
from temporal.queues import LOANS
from workers.errands import Work
from workflows.application import application_workflow_id
from workflows.loan import LoanStart, LoanWorkflow, loan_workflow_id

log = structlog.get_logger()

_SIGNAL = "chain_event"
_AT_ONCE = 10


class ChainErrands:
    """Does the work of two kinds of outbox rows; doing it twice does no harm."""

    def __init__(
        self,
        client: Client,
        rows: Database,
        reconciliation: ChainReconciliation | None,
        *,
        task_queue: str = LOANS,
    ) -> None:
        self._client = client
        self._rows = rows
        self._reconciliation = reconciliation
        self._task_queue = task_queue
        self.by_kind: Mapping[str, Callable[[Work], Awaitable[None]]] = {
            OutboxKind.CHAIN_EVENT: self._event,
            OutboxKind.CHAIN_RECONCILIATION: self._reconcile,
        }

    async def _event(self, work: Work) -> None:
        event_id, loan_id = work.payload["eventId"], work.payload["loanId"]
        if (about := work.payload["about"]) != "news":
            await self._open_task(work, about)
        if about == "orphaned":
            return
        news = ChainNews(event_id)
        # A loan that is paid out while we look is found the second time.
        for _ in range(2):
            if await self._is_loan(work.tenant_id, loan_id):
                await self._signal_loan(LoanRef(work.tenant_id, work.payload["applicationId"], loan_id), news)
                return
            if await self._signal_application(work.payload["applicationId"], news):
                return
        log.info("the application has ended without a loan; nobody to tell", loan_id=loan_id, event_id=event_id)

    async def _open_task(self, work: Work, about: str) -> None:
        tenant_id, event_id = work.tenant_id, work.payload["eventId"]
        async with self._rows.transaction(tenant_id) as session:
            event = await session.get_one(ChainEvent, (tenant_id, event_id))
            await open_task(
                session,
                tenant_id,
                f"chain_event_{about}",
                loan_id=event.loan_id,
                summary=_SUMMARIES[about].format(event.name),
                details={
                    "eventId": event.id,
                    "name": event.name,
                    "arguments": event.arguments,
                    "blockNumber": event.block_number,
                    "transactionHash": event.tx_hash,
                },
                key=event.id,
                at=datetime.now(UTC),
            )

    async def _is_loan(self, tenant_id: str, loan_id: str) -> bool:
        async with self._rows.transaction(tenant_id) as session:
            return await session.get(Loan, (tenant_id, loan_id)) is not None

    async def _signal_loan(self, ref: LoanRef, news: ChainNews) -> None:
        """As with money: a loan whose workflow has ended is started again."""
        await self._client.start_workflow(
            LoanWorkflow.run,
            LoanStart(ref),
            id=loan_workflow_id(ref.loan_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=_SIGNAL,
            start_signal_args=[news],
            search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, ref.tenant_id)]),
        )

    async def _signal_application(self, application_id: str, news: ChainNews) -> bool:
        """False when the application has ended."""
        handle = self._client.get_workflow_handle(application_workflow_id(application_id))
        try:
            await handle.signal(_SIGNAL, news)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def _reconcile(self, work: Work) -> None:
        """Compare some loans with the chain. Without one there is nothing to compare with."""
        if self._reconciliation is None:
            log.warning("no chain is configured; loans on chain are not reconciled", loans=len(work.payload["loans"]))
            return
        slots, check = asyncio.Semaphore(_AT_ONCE), self._reconciliation.check

        async def one(loan_id: str, application_id: str) -> None:
            async with slots:
                await check(LoanRef(work.tenant_id, application_id, loan_id))

        async with asyncio.TaskGroup() as group:
            for loan_id, application_id in work.payload["loans"]:
                group.create_task(one(loan_id, application_id))


_SUMMARIES = {
    "foreign": "Somebody else has written to the loan on chain: {}.",
    "orphaned": "The chain has taken back an event that counted as confirmed: {}.",
}
