"""The relay: what the outbox holds happens, at least once, in the order it comes due.

Rows are claimed in one short statement (`FOR UPDATE SKIP LOCKED`) that gives the claimer a lease; the work is done
outside any transaction, and the row is deleted when it is done. A relay that dies leaves leases that end by
themselves, and another takes the rows up. Nothing reads "id > last", so a late commit is never passed over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError
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

from activities.deliveries import RETRY_SCHEDULE, Deliveries, DeliveryFailed, MessageRef
from models.application import ApplicationRef, ApplicationStatus
from models.loan import LoanRef
from models.payment import PaymentReceived, TransferNews
from models.records.correlation import correlated
from models.records.database import Database
from models.records.outbox import OutboxKind, OutboxRow, claim, postpone, settle
from temporal import search_attributes as sa
from temporal.queues import LOANS
from workers.settings import WorkerSettings
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import ApplicationStart
from workflows.loan import LoanStart, LoanWorkflow, loan_workflow_id

log = structlog.get_logger()

RELAYED = Counter("caas_relay_rows_total", "Outbox rows handled.", ["kind", "outcome"])
DURATION = Histogram("caas_relay_seconds", "Time to handle one outbox row.", ["kind"])

_OUTAGE_PAUSE_SECONDS = 1
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


class Relay:
    """Runs until cancelled; several may run at once."""

    def __init__(
        self,
        outbox: Database,
        client: Client,
        deliveries: Deliveries,
        settings: WorkerSettings,
        *,
        task_queue: str = LOANS,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._deliveries = deliveries
        self._settings = settings
        self._task_queue = task_queue
        self._running: set[asyncio.Task[int | None]] = set()
        self._handlers: Mapping[str, Callable[[Work], Awaitable[None]]] = {
            OutboxKind.START_APPLICATION: self._start_application,
            OutboxKind.IDENTITY_VERIFIED: self._identity_verified,
            OutboxKind.TRANSFER_NEWS: self._transfer_news,
            OutboxKind.DISBURSEMENT_RETURNED: self._disbursement_returned,
            OutboxKind.PAYMENT_RECEIVED: self._payment_received,
            OutboxKind.DELIVER: self._deliver,
        }

    async def run(self) -> None:
        """Relay for ever; an outage of the database or of Temporal is waited out."""
        try:
            while True:
                try:
                    await self._turn()
                except Exception:
                    log.exception("relay cannot reach the outbox")
                    await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _turn(self) -> None:
        """Settle what is done, take up as much as there is room for, and wait for one or the other.

        Rows are handled side by side and each at its own pace: a receiver that hangs delays nobody but itself.
        """
        done = {task for task in self._running if task.done()}
        await self._settle([row_id for task in done if (row_id := task.result()) is not None])
        self._running -= done
        claimed = await self._claim(self._settings.relay_batch - len(self._running))
        self._running |= {asyncio.create_task(self._handle(work)) for work in claimed}
        if not claimed:
            await self._rest()

    async def _rest(self) -> None:
        if self._running:
            idle = self._settings.relay_idle_seconds
            await asyncio.wait(self._running, timeout=idle, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(self._settings.relay_idle_seconds)

    async def _claim(self, at_most: int) -> list[Work]:
        if at_most < 1:
            return []
        async with self._outbox.transaction() as session:
            rows = await claim(session, at_most, lease_seconds=self._settings.relay_lease_seconds)
        return [Work.of(row) for row in rows]

    async def _handle(self, work: Work) -> int | None:
        """Do one row's work; its id when it is done, None when it must be tried again."""
        try:
            with DURATION.labels(work.kind).time(), correlated(work.correlation_id):
                await self._handlers[work.kind](work)
        except Exception as error:  # noqa: BLE001 - whatever it was, the row stays and is tried again
            RELAYED.labels(work.kind, "postponed").inc()
            log.warning("relay postponed a row", **work.facts, error=str(error))
            await self._postpone(work, error)
            return None
        RELAYED.labels(work.kind, "done").inc()
        return work.id

    async def _postpone(self, work: Work, error: Exception) -> None:
        try:
            async with self._outbox.transaction() as session:
                await postpone(session, work.id, error=str(error), seconds=min(2**work.attempts, 60))
        except SQLAlchemyError:
            log.warning("relay could not postpone a row; its lease will end by itself", row=work.id)

    async def _settle(self, ids: Sequence[int]) -> None:
        if ids:
            async with self._outbox.transaction() as session:
                await settle(session, ids)

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

    async def _identity_verified(self, work: Work) -> None:
        await self._signal_application(work, ApplicationWorkflow.identity_verified)

    async def _transfer_news(self, work: Work) -> None:
        p = work.payload
        news = TransferNews(p["reference"], p["status"], p.get("railCode"), p.get("reason"))
        await self._signal_application(work, ApplicationWorkflow.transfer_news, news)

    async def _signal_application(self, work: Work, signal: Any, *args: object) -> None:
        handle = self._client.get_workflow_handle(application_workflow_id(work.payload["applicationId"]))
        try:
            await handle.signal(signal, *args)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It has ended, so it has asked the rail itself and knows; what the rail repeats changes nothing.
            log.info("application has ended; nobody to tell", application_id=work.payload["applicationId"])

    async def _payment_received(self, work: Work) -> None:
        p = work.payload
        received_on = date.fromisoformat(p["receivedOn"]) if p.get("receivedOn") else None
        payment = PaymentReceived(p["paymentId"], p["amountMinor"], p["currency"], received_on)
        await self._signal_loan(work, "payment_received", payment)

    async def _disbursement_returned(self, work: Work) -> None:
        await self._signal_loan(work, "disbursement_returned")

    async def _signal_loan(self, work: Work, signal: str, *args: object) -> None:
        """Signal the loan, and start its workflow again if it has closed: money that still comes must be posted."""
        ref = LoanRef(work.tenant_id, work.payload["applicationId"], work.payload["loanId"])
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

    async def _deliver(self, work: Work) -> None:
        """The first attempt is ours; the long schedule of retries is Temporal's."""
        ref = MessageRef(work.tenant_id, work.payload["deliveryId"])
        try:
            await self._deliveries.attempt(ref)
        except DeliveryFailed as failure:
            log.info("first delivery failed", delivery_id=ref.delivery_id, error=str(failure), final=failure.final)
            if not failure.final:
                await self._retry_later(ref)

    async def _retry_later(self, ref: MessageRef) -> None:
        await self._client.start_activity(
            Deliveries.deliver,  # type: ignore[arg-type]
            ref,
            id=f"deliver/{ref.delivery_id}",
            task_queue=self._task_queue,
            start_to_close_timeout=_DELIVERY_TIMEOUT,
            schedule_to_close_timeout=sum(RETRY_SCHEDULE, timedelta()) + timedelta(hours=1),
            start_delay=RETRY_SCHEDULE[0],
            retry_policy=RetryPolicy(maximum_attempts=len(RETRY_SCHEDULE)),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
        )
