"""What each kind of outbox row asks for: start a workflow, tell one something, send a message."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.common import (
    ActivityIDConflictPolicy,
    RetryPolicy,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.deliveries import Deliveries, MessageRef
from activities.rails import TransferStatus
from models.application import ApplicationRef, ApplicationStatus
from models.loan import LoanRef
from models.onboarding import ProviderRef, ProviderStatus
from models.payment import PaymentReceived, TransferNews
from models.records.dispatch import Parcel
from models.records.outbox import OutboxKind, OutboxRow
from temporal import search_attributes as sa
from temporal.queues import DELIVERIES, LOANS
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import ApplicationStart
from workflows.billing import BillMonth, InvoiceWorkflow, billing_id
from workflows.chain import ChainStart, ChainWorkflow, chain_workflow_id
from workflows.close_of_business import CloseOfBusinessWorkflow, CloseThrough, close_of_business_id
from workflows.loan import LoanStart, LoanWorkflow, loan_workflow_id
from workflows.provider import ProviderStart, ProviderWorkflow, provider_workflow_id

log = structlog.get_logger()

_DELIVERY_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed row."""

    id: int
    tenant_id: str
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    correlation_id: str | None

    @classmethod
    def of(cls, row: OutboxRow) -> "Work":
        """The claimed row as a value."""
        assert row.id is not None, "the database gave it one"
        return cls(row.id, row.tenant_id, row.kind, row.payload, row.attempts, row.correlation_id)

    @property
    def facts(self) -> dict[str, object]:
        """What a log line says of it."""
        return {
            "row": self.id,
            "kind": self.kind,
            "attempt": self.attempts,
            "tenant_id": self.tenant_id,
            "correlation_id": self.correlation_id,
        }


class Errands:
    """Does one row's work; doing it twice does no harm."""

    def __init__(
        self,
        client: Client,
        deliveries: Deliveries,
        *,
        task_queue: str = LOANS,
        retry_queue: str = DELIVERIES,
        more: "Mapping[str, Callable[[Work], Awaitable[None]]] | None" = None,
    ) -> None:
        self._client = client
        self.deliveries = deliveries
        self._task_queue = task_queue
        self._retry_queue = retry_queue
        self._by_kind: Mapping[str, Callable[[Work], Awaitable[None]]] = {
            OutboxKind.START_APPLICATION: self._start_application,
            OutboxKind.START_PROVIDER: self._start_provider,
            OutboxKind.IDENTITY_VERIFIED: self._identity_verified,
            OutboxKind.TRANSFER_NEWS: self._transfer_news,
            OutboxKind.DISBURSEMENT_RETURNED: self._disbursement_returned,
            OutboxKind.PAYMENT_RECEIVED: self._payment_received,
            OutboxKind.CLOSE_OF_BUSINESS: self._close_of_business,
            OutboxKind.BILL_MONTH: self._bill_month,
            OutboxKind.CHAIN_OPERATIONS: self._chain_operations,
            **(more or {}),
        }

    async def do(self, work: Work) -> None:
        """Do what the row asks for, or raise: then it is tried again."""
        await self._by_kind[work.kind](work)

    async def _start_application(self, work: Work) -> None:
        ref = ApplicationRef(work.tenant_id, work.payload["applicationId"])
        start = ApplicationStart(ref, work.payload["currency"], pre_assessed=work.payload["preAssessed"])
        try:
            await self._client.start_workflow(
                ApplicationWorkflow.run,
                start,
                id=application_workflow_id(ref.application_id),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(sa.TENANT, ref.tenant_id),
                        SearchAttributePair(sa.STATUS, str(ApplicationStatus.SUBMITTED)),
                        SearchAttributePair(sa.CURRENCY, start.currency),
                    ]
                ),
                static_summary=f"application {ref.application_id}",
            )
        except WorkflowAlreadyStartedError:
            log.info("application was started already", application_id=ref.application_id)

    async def _start_provider(self, work: Work) -> None:
        """Start the provider's process; whoever has asked it something before has started it already."""
        ref = ProviderRef(work.tenant_id, work.payload["providerId"])
        try:
            await self._client.start_workflow(
                ProviderWorkflow.run,
                ProviderStart(ref),
                id=provider_workflow_id(ref.provider_id),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(sa.TENANT, ref.tenant_id),
                        SearchAttributePair(sa.PROVIDER, ref.provider_id),
                        SearchAttributePair(sa.STATUS, str(ProviderStatus.PENDING)),
                    ]
                ),
                static_summary=f"provider {ref.provider_id}",
            )
        except WorkflowAlreadyStartedError:
            log.info("provider was started already", provider_id=ref.provider_id)

    async def _identity_verified(self, work: Work) -> None:
        if not await self._signal_application(work, ApplicationWorkflow.identity_verified):
            log.info("application has ended; nobody to tell", application_id=work.payload["applicationId"])

    async def _transfer_news(self, work: Work) -> None:
        p = work.payload
        news = TransferNews(p["reference"], p["status"], p.get("railCode"), p.get("reason"))
        if await self._signal_application(work, ApplicationWorkflow.transfer_news, news):
            return
        # It has ended, so it has asked the rail itself and knows; only that the money came back may be later news.
        if news.status == TransferStatus.REVERSED and await self._was_disbursed(p["applicationId"]):
            await self._signal_loan(work, news.reference, "disbursement_returned")

    async def _signal_application(self, work: Work, signal: Any, *args: object) -> bool:
        """False when the application has ended."""
        handle = self._client.get_workflow_handle(application_workflow_id(work.payload["applicationId"]))
        try:
            await handle.signal(signal, *args)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def _was_disbursed(self, application_id: str) -> bool:
        handle = self._client.get_workflow_handle(
            application_workflow_id(application_id), result_type=ApplicationStatus
        )
        ended: ApplicationStatus = await handle.result()
        return ended is ApplicationStatus.DISBURSED

    async def _payment_received(self, work: Work) -> None:
        p = work.payload
        received_on = date.fromisoformat(p["receivedOn"]) if p.get("receivedOn") else None
        payment = PaymentReceived(p["paymentId"], p["amountMinor"], p["currency"], received_on)
        await self._signal_loan(work, p["loanId"], "payment_received", payment)

    async def _disbursement_returned(self, work: Work) -> None:
        await self._signal_loan(work, work.payload["loanId"], "disbursement_returned")

    async def _signal_loan(self, work: Work, loan_id: str, signal: str, *args: object) -> None:
        """Signal the loan, and start its workflow again if it has closed: money that still comes must be posted."""
        ref = LoanRef(work.tenant_id, work.payload["applicationId"], loan_id)
        await self._client.start_workflow(
            LoanWorkflow.run,
            LoanStart(ref),
            id=loan_workflow_id(ref.loan_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=signal,
            start_signal_args=list(args),
            search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, ref.tenant_id)]),
        )

    async def _close_of_business(self, work: Work) -> None:
        """Close a day by hand; while the same is under way, there is nothing to do."""
        on = date.fromisoformat(work.payload["date"])
        await self._client.start_workflow(
            CloseOfBusinessWorkflow.run,
            CloseThrough(work.tenant_id, on),
            id=close_of_business_id(work.tenant_id, on),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, work.tenant_id)]),
        )

    async def _bill_month(self, work: Work) -> None:
        """Bill a month by hand; while the same is under way, there is nothing to do."""
        first = date.fromisoformat(work.payload["first"])
        await self._client.start_workflow(
            InvoiceWorkflow.run,
            BillMonth(work.tenant_id, first),
            id=billing_id(work.tenant_id, first),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, work.tenant_id)]),
        )

    async def _chain_operations(self, work: Work) -> None:
        """Have a loan's writes carried out. The signal counts also in the moment in which the workflow would end."""
        ref = LoanRef(work.tenant_id, work.payload["applicationId"], work.payload["loanId"])
        await self._client.start_workflow(
            ChainWorkflow.run,
            ChainStart(ref),
            id=chain_workflow_id(ref.loan_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="operations_left",
            search_attributes=TypedSearchAttributes([SearchAttributePair(sa.TENANT, ref.tenant_id)]),
            static_summary=f"loan {ref.loan_id} on chain",
        )

    async def retry_later(self, parcel: Parcel) -> None:
        """Have Temporal carry on with a message whose first attempt failed: one activity of its own, and no workflow.

        It is tried until it says itself that it is over: how far it has come is in its row.
        """
        attributes = [SearchAttributePair(sa.TENANT, parcel.tenant_id)]
        if parcel.address and parcel.address.provider_id:
            attributes.append(SearchAttributePair(sa.PROVIDER, parcel.address.provider_id))
        due = parcel.next_attempt_at or datetime.now(UTC)
        await self._client.start_activity(
            Deliveries.deliver,  # type: ignore[arg-type]
            MessageRef(parcel.tenant_id, parcel.delivery_id),
            id=f"deliver/{parcel.delivery_id}",
            task_queue=self._retry_queue,
            start_to_close_timeout=_DELIVERY_TIMEOUT,
            start_delay=max(due - datetime.now(UTC), timedelta(0)),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=1),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes(attributes),
            summary=f"{parcel.subject} to {parcel.address.url if parcel.address else 'a mailbox'}"[:200],
        )
