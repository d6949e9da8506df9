"""Last phase: the money leaves, and the loan begins.

A time-out is not a failure. The rail is asked by reference until it is sure; only when it has never heard of the
reference is the transfer sent again, with the same reference.
"""

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.chain_loans import ChainLoans, Performed
from activities.chain_originations import ChainOriginations, Preparation
from activities.disbursements import Booking, Disbursements, Payout
from activities.offers import Accepted
from activities.rails import TransferResult, TransferStatus
from models.application import ApplicationStatus
from models.loan import LoanPosition, LoanRef
from temporal import search_attributes as sa
from workflows.acting import ask, transact, wait_until, write_on_chain
from workflows.application_state import ApplicationState
from workflows.loan import LoanStart, LoanWorkflow, loan_workflow_id

_S = ApplicationStatus
_FIRST_PATIENCE_SECONDS = 5.0
_LONGEST_PATIENCE_SECONDS = 3600.0
_NO_TOKENS = "EscrowTooLow"
_PAID = frozenset({TransferStatus.SUCCEEDED})
_NOT_PAID = frozenset({TransferStatus.FAILED, TransferStatus.REVERSED})


class Funding:
    """Pays out, and starts the loan."""

    def __init__(self, state: ApplicationState) -> None:
        self.state = state

    async def run(self) -> ApplicationStatus | None:
        """How the application ended, disbursed or not; None when the lender could not pay and others will."""
        state = self.state
        assert state.agreement is not None
        payout = Payout(state.ref, state.agreement.loan_id)
        state.show(_S.DISBURSING, f"**Disbursing**, reference `{payout.loan_id}`")
        pays_tokens = state.agreement.pays_tokens
        transfer = await (self._paid_in_tokens(payout) if pays_tokens else self._settled(payout))
        booking = Booking(state.ref, payout.loan_id, transfer, workflow.now())
        if transfer.status in _NOT_PAID:
            left = await transact(Disbursements.fail, booking, summary="the rail did not pay")
            state.offer_again(left.offers)
            return None if left.offers else left.status
        position = await transact(Disbursements.book, booking, summary="book the disbursement")
        await self._start_loan(state.agreement, position)
        await self._tell_loan_if_returned(payout.loan_id)
        return _S.DISBURSED

    async def _paid_in_tokens(self, payout: Payout) -> TransferResult:
        """The tokens leave on chain. A lender without them is why it fails; for any other refusal an operator looks."""
        request = Preparation(self.state.ref, payout.loan_id, workflow.now())
        await transact(ChainOriginations.pay_out, request, summary="leave the payout to the chain")
        ref = LoanRef(payout.ref.tenant_id, payout.ref.application_id, payout.loan_id)
        while True:
            performed = await write_on_chain(ChainLoans.perform, ref, summary="pay out on chain")
            if performed.is_halted and performed.refusal != _NO_TOKENS:
                await self._wait_for_an_operator(performed)
                continue
            written = await transact(ChainOriginations.settle_payout, request, summary="what became of the payout")
            if written.is_given_up:
                return TransferResult(TransferStatus.FAILED, payout.loan_id, reason="the lender's escrow is too low")
            if written.tx_hash:
                return TransferResult(TransferStatus.SUCCEEDED, payout.loan_id, rail_code=written.tx_hash)

    async def _wait_for_an_operator(self, performed: Performed) -> None:
        attention, heard = sa.NEEDS_ATTENTION, self.state.chain_news
        workflow.upsert_search_attributes([attention.value_set(True)])  # noqa: FBT003 - the SDK's signature
        self.state.show(_S.DISBURSING, f"**The chain refuses**: {performed.refusal}; an operator must look")
        await wait_until(
            lambda: self.state.chain_news != heard, seconds=_LONGEST_PATIENCE_SECONDS, summary="an operator"
        )
        workflow.upsert_search_attributes([attention.value_unset()])

    async def _settled(self, payout: Payout) -> TransferResult:
        transfer = await ask(Disbursements.send, payout, summary="send the transfer")
        patience = _FIRST_PATIENCE_SECONDS
        while transfer.status not in _PAID | _NOT_PAID:
            if await wait_until(lambda: self._has_news(payout), seconds=patience, summary="waiting for the rail"):
                news = self.state.news.pop(0)
                transfer = TransferResult(
                    TransferStatus(news.status), news.reference, rail_code=news.rail_code, reason=news.reason
                )
            else:
                known = await ask(Disbursements.find, payout, summary="ask the rail by reference")
                transfer = known or await self._send_again(payout)
                patience = min(patience * 2, _LONGEST_PATIENCE_SECONDS)
        return transfer

    def _has_news(self, payout: Payout) -> bool:
        """News of this payout; what is still said about one that failed before is of no use."""
        self.state.news = [news for news in self.state.news if news.reference == payout.loan_id]
        return bool(self.state.news)

    async def _send_again(self, payout: Payout) -> TransferResult:
        """Safe, because the rail has just said that it does not know the reference."""
        return await ask(Disbursements.send, payout, summary="unknown to the rail: send again")

    async def _tell_loan_if_returned(self, loan_id: str) -> None:
        """The rail may bring the money back while we book that it has left."""
        if any((news.reference, news.status) == (loan_id, TransferStatus.REVERSED) for news in self.state.news):
            loan = workflow.get_external_workflow_handle(loan_workflow_id(loan_id))
            await loan.signal("disbursement_returned")

    async def _start_loan(self, agreement: Accepted, position: LoanPosition) -> None:
        ref = LoanRef(self.state.ref.tenant_id, self.state.ref.application_id, agreement.loan_id)
        try:
            await workflow.start_child_workflow(
                LoanWorkflow.run,
                # What is paid in tokens comes on chain, and to no account at the rail.
                LoanStart(ref, position, account_open=agreement.pays_tokens),
                id=loan_workflow_id(ref.loan_id),
                # Abandoned, so that it outlives this workflow and still inherits its clock.
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(sa.TENANT, ref.tenant_id),
                        SearchAttributePair(sa.STATUS, str(position.status)),
                        SearchAttributePair(sa.CURRENCY, position.currency),
                        SearchAttributePair(sa.BUCKET, str(position.bucket)),
                    ]
                ),
                static_summary=f"loan of application {ref.application_id}",
            )
        except WorkflowAlreadyStartedError:
            # A payment that came before us has started it.
            workflow.logger.info("the loan runs already", extra={"loan_id": ref.loan_id})
