"""What is to be written for one loan on chain, carried out in its order; then the process ends.

perform -> perform -> ... -> nothing left -> reconcile -> ended
   |
refused -> an operator looks -> retry -> perform

The relay starts it after every transaction that has left something, or wakes it if it runs. A word that comes in the
moment of its ending is not lost: the server does not let a workflow end with a signal unread, and reading it means one
more look.
"""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.workflow import ContinueAsNewVersioningBehavior

from activities.chain_loans import ChainLoans, NothingHalted, Performed, Retry
from activities.chain_reconciliation import ChainReconciliation
from models.loan import LoanRef
from temporal import search_attributes as sa
from temporal.handlers import update
from workflows.acting import ask, transact, write_on_chain


def chain_workflow_id(loan_id: str) -> str:
    """The workflow id of a loan's writes."""
    return f"chain/{loan_id}"


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Whose writes; and how many this process has carried out in the runs before."""

    ref: LoanRef
    written: int = 0


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class ChainWorkflow:
    """Writes for one loan. Its id is `chain/{loan_id}`."""

    @workflow.init
    def __init__(self, start: ChainStart) -> None:
        self.ref = start.ref
        self.written = start.written
        self.is_wanted = True
        self.refusal: str | None = None

    @workflow.run
    async def run(self, start: ChainStart) -> int:  # noqa: ARG002 - taken by __init__
        """Write until nothing is left; how many writes that were."""
        while self.is_wanted:
            await self._write_all()
            await ask(ChainReconciliation.check, self.ref, summary="compare with the ledger")
            await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.set_current_details(f"**{self.written} written**")
        return self.written

    @workflow.signal(description="There is something to be written")
    def operations_left(self) -> None:
        """Look once more before ending."""
        self.is_wanted = True

    @update("An operator has the refused write tried again")
    async def retry_operation(self) -> None:
        """Answered when the write waits for its turn again."""
        await transact(ChainLoans.retry, Retry(self.ref, workflow.now()), summary="try again")
        self.is_wanted = True

    @retry_operation.validator
    def _check_retry(self) -> None:
        if self.refusal is None and self.written:
            raise NothingHalted("Nothing that was refused waits for an operator.", "loanId")

    @workflow.query(description="Why the writes are halted, if they are")
    def halted(self) -> str | None:
        """The contract's refusal."""
        return self.refusal

    async def _write_all(self) -> None:
        left = 1
        while left or self.is_wanted:
            self.is_wanted = False
            performed = await write_on_chain(ChainLoans.perform, self.ref, summary="the oldest write")
            left = performed.left
            self.written += performed.tx_hash is not None
            if performed.is_halted:
                await self._wait_for_an_operator(performed)
            self._continue_as_new_if_due()

    async def _wait_for_an_operator(self, performed: Performed) -> None:
        self.refusal = performed.refusal
        attention = sa.NEEDS_ATTENTION
        workflow.upsert_search_attributes([attention.value_set(True)])  # noqa: FBT003 - the SDK's signature
        workflow.set_current_details(f"**Refused**: {performed.kind}, {performed.refusal}; {performed.left} wait")
        # Whatever comes, we look again: an operator's retry may have been on record before we knew of the refusal.
        await workflow.wait_condition(lambda: self.is_wanted)
        self.refusal = None
        workflow.upsert_search_attributes([attention.value_unset()])

    def _continue_as_new_if_due(self) -> None:
        info = workflow.info()
        due = info.is_continue_as_new_suggested() or info.is_target_worker_deployment_version_changed()
        if due and workflow.all_handlers_finished():
            workflow.continue_as_new(
                ChainStart(self.ref, self.written),
                initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
            )
