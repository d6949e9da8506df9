"""One loan, from disbursement until nothing is owed: wait for what is due next, or for a message; do it; again.

open the account -> [ wait -> post payments | carry out orders | take the step that is due ] -> closed
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError
from temporalio.workflow import ContinueAsNewVersioningBehavior

from activities.chain_news import ChainNewsTaking, TakeNews
from activities.repayments import Posting, Repayments
from activities.servicing import AccountOpened, At, Servicing
from activities.transactions import TransactionOrder
from models.chain import ChainNews
from models.loan import OPEN, LoanStatus
from models.payment import PaymentReceived
from models.servicing import Step, next_step
from temporal import search_attributes as sa
from temporal.handlers import update
from temporal.refusals import refusal_in
from workflows.acting import ask, transact, wait_until
from workflows.collection import check_forbearance, check_promise, check_write_off
from workflows.loan_state import (
    ForbearanceOrder,
    LoanAnswer,
    LoanStart,
    LoanState,
    Order,
    PromiseToPay,
    WriteOffOrder,
    loan_workflow_id,
    summary_of,
)
from workflows.orders import LoanClosed, carry_out, check_open, check_transaction
from workflows.servicing import take

__all__ = [
    "ForbearanceOrder",
    "LoanAnswer",
    "LoanClosed",
    "LoanStart",
    "LoanWorkflow",
    "PromiseToPay",
    "TransactionOrder",
    "WriteOffOrder",
    "loan_workflow_id",
]

_INSTALLMENTS_PER_RUN = 12


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class LoanWorkflow:
    """The durable process of one loan. Its id is `loan/{loan_id}`."""

    @workflow.init
    def __init__(self, start: LoanStart) -> None:
        self.state = LoanState(start)

    @workflow.run
    async def run(self, start: LoanStart) -> LoanStatus:  # noqa: ARG002 - taken by __init__
        """Serve the loan until it is closed and nobody waits for an answer."""
        state = self.state
        await self._begin()
        while state.position.is_open or state.has_messages:
            step = self._next()
            workflow.set_current_details(summary_of(state.position, step))
            await self._wait(step)
            await self._act(step)
            self._continue_as_new_if_due()
            if not state.position.is_open:
                # An order that comes while the last one is answered is carried out as well.
                await workflow.wait_condition(lambda: state.has_messages or workflow.all_handlers_finished())
        workflow.set_current_details(summary_of(state.position, None))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state.position.status

    @workflow.signal(description="A repayment has arrived")
    def payment_received(self, payment: PaymentReceived) -> None:
        """Money is never refused; posting it twice changes nothing."""
        self.state.payments.append(payment)

    @workflow.signal(description="The rail has returned the disbursement")
    def disbursement_returned(self) -> None:
        """The loan's money has come back."""
        self.state.returned = True

    @workflow.signal(description="The chain has news of the loan")
    def chain_event(self, news: ChainNews) -> None:
        """Taking the same twice changes nothing."""
        self.state.chain_news.append(news)

    @update("The borrower promises to pay")
    async def promise_to_pay(self, promise: PromiseToPay) -> LoanAnswer:
        """Hold the letters until the promised day."""
        return await self._ordered(promise)

    @promise_to_pay.validator
    def _check_promise(self, promise: PromiseToPay) -> None:
        check_open(self.state)
        check_promise(self.state, promise, today=workflow.now().date())

    @update("An operator writes the loan off")
    async def write_off(self, order: WriteOffOrder) -> LoanAnswer:
        """Give the loan up."""
        return await self._ordered(order)

    @write_off.validator
    def _check_write_off(self, order: WriteOffOrder) -> None:  # noqa: ARG002 - the state decides
        check_open(self.state)
        check_write_off(self.state)

    @update("An operator grants forbearance")
    async def forbear(self, order: ForbearanceOrder) -> LoanAnswer:
        """Leave the borrower alone for a while."""
        return await self._ordered(order)

    @forbear.validator
    def _check_forbearance(self, order: ForbearanceOrder) -> None:
        check_open(self.state)
        check_forbearance(order, today=workflow.now().date())

    @update("An operator posts a transaction")
    async def transact(self, order: TransactionOrder) -> LoanAnswer:
        """Post it, and whatever follows from it."""
        return await self._ordered(order)

    @transact.validator
    def _check_transaction(self, order: TransactionOrder) -> None:
        check_transaction(self.state, order)

    @workflow.query(description="Where the loan stands")
    def status(self) -> LoanStatus:
        """The status after the last transaction."""
        return self.state.position.status

    async def _begin(self) -> None:
        state = self.state
        if not state.is_known:
            state.position = await transact(Servicing.position, At(state.ref, workflow.now()), summary="read the loan")
        if not state.account_open and state.position.is_open:
            await self._open_account()

    async def _open_account(self) -> None:
        """Without an account of its own the loan lives on, and is paid through the platform."""
        state = self.state
        try:
            account = await ask(Servicing.open_account, state.ref, summary="open the repayment account")
        except ActivityError as error:
            if refusal_in(error) is None:
                raise
            workflow.upsert_search_attributes([sa.NEEDS_ATTENTION.value_set(True)])  # noqa: FBT003 - the SDK's signature
            return
        opened = AccountOpened(state.ref, account, workflow.now())
        state.position = await transact(Servicing.record_account, opened, summary="record the account")
        state.account_open = True

    def _next(self) -> Step | None:
        state = self.state
        if state.position.status not in OPEN:
            return None
        return next_step(state.position, loan_id=state.ref.loan_id, now=workflow.now(), after=state.done)

    async def _wait(self, step: Step | None) -> None:
        if step is None:
            await workflow.wait_condition(lambda: self.state.has_messages)
            return
        await wait_until(
            lambda: self.state.has_messages,
            seconds=(step.at - workflow.now()).total_seconds(),
            summary=f"{step.kind}: installment {step.installment}, due {step.due_on}",
        )

    async def _act(self, step: Step | None) -> None:
        state = self.state
        if state.returned:
            state.returned = False
            state.position = await transact(Servicing.cancel, At(state.ref, workflow.now()), summary="payout returned")
        elif state.payments:
            posting = Posting(state.ref, state.payments[0], workflow.now())
            state.position = await transact(Repayments.post, posting, summary="post a payment")
            # Removed only now: a run that ends between the two would lose it.
            state.payments.pop(0)
        elif state.chain_news:
            news = TakeNews(state.ref, state.chain_news[0].event_id, workflow.now())
            state.position = await transact(ChainNewsTaking.take, news, summary="take news of the chain")
            state.chain_news.pop(0)
        elif state.orders:
            await carry_out(state)
        elif step is not None:
            await take(state, step)

    async def _ordered(self, order: Order) -> LoanAnswer:
        info = workflow.current_update_info()
        assert info is not None
        if info.id not in self.state.answers:
            self.state.orders[info.id] = order
            await workflow.wait_condition(lambda: info.id in self.state.answers or info.id in self.state.refused)
        if refusal := self.state.refused.get(info.id):
            raise refusal
        return self.state.answers[info.id]

    def _continue_as_new_if_due(self) -> None:
        """Start a fresh history, on the newest worker version, when nobody is being answered."""
        state, info = self.state, workflow.info()
        due = (
            state.settled_in_this_run >= _INSTALLMENTS_PER_RUN
            or info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )
        # A loan that waits for a message only stays in its run: the first task of a new one would issue no command, the
        # server drops such a task when it also rejected an update, and the worker then misses the signal that follows.
        waits_for_money = state.position.is_open and bool(state.position.open)
        if due and waits_for_money and not state.has_messages and workflow.all_handlers_finished():
            workflow.continue_as_new(
                state.carried_over(), initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE
            )
